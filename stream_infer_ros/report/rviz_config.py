"""A configuration of rviz2 that shows all outputs of the pipeline for the given cameras."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import yaml

from stream_infer_ros.config import Config
from stream_infer_ros.errors import ConfigError
from stream_infer_ros.graph.graph import LATCHED, RELIABLE, Qos
from stream_infer_ros.inference.overlay import PALETTE
from stream_infer_ros.report.rviz_window import shown_at_start, window_geometry

# Metres around the range of the cameras that the top-down view shows too.
_MARGIN_M = 1.0
_PLUGINS = 'rviz_default_plugins'
# Older messages would be replaced before they are drawn.
_NEWEST = Qos('reliable', 'volatile', 1)

Properties = dict[str, Any]


def rviz_config(config: Config, cameras: Sequence[str]) -> str:
    """Return the text of a `.rviz` file.

    The displays are the map, objects, a scan for each camera, TF, and an overlay for each camera in a dock of
    its own. Topics are absolute, so that the file is valid for this namespace and node name only. The first
    cameras have their overlays enabled; rviz subscribes to an overlay only while it is enabled.

    Args:
        config: configuration with the names of node and frames, and the enabled outputs.
        cameras: names as they appear in the topics, in the order in which they are shown.

    Raises:
        ConfigError: there is no camera.
    """
    if not cameras:
        raise ConfigError('expected the names of the cameras in `cameras`, got none')
    overlays = [_overlay_name(camera) for camera in cameras] if config.publish.overlay else []
    window, centre_px = window_geometry(overlays)
    document = {
        'Panels': [_displays_panel()],
        'Visualization Manager': {
            'Class': '',
            'Displays': _displays(config, cameras),
            'Enabled': True,
            'Global Options': {
                'Background Color': '48; 48; 48',
                'Fixed Frame': config.map.map_frame,
                'Frame Rate': 30,
            },
            'Name': 'root',
            'Tools': [{'Class': f'{_PLUGINS}/{tool}'} for tool in ('MoveCamera', 'Interact', 'Measure')],
            'Transformation': {'Current': {'Class': f'{_PLUGINS}/TF'}},
            'Value': True,
            'Views': {'Current': _view(config, centre_px), 'Saved': None},
        },
        'Window Geometry': window,
    }
    return yaml.safe_dump(document, sort_keys=False, width=1_000_000)


def _displays_panel() -> Properties:
    return {
        'Class': 'rviz_common/Displays',
        'Name': 'Displays',
        'Help Height': 0,
        'Property Tree Widget': {'Expanded': ['/Overlays1'], 'Splitter Ratio': 0.6},
        'Tree Height': 700,
    }


def _view(config: Config, centre_px: tuple[int, int]) -> Properties:
    """Return a view from above that moves with the robot and does not turn with it."""
    edge_m = 2 * (config.map.range_m + _MARGIN_M)
    return {
        'Class': f'{_PLUGINS}/TopDownOrtho',
        'Name': 'Current View',
        'Angle': 0,
        'Near Clip Distance': 0.01,
        'Scale': round(min(centre_px) / edge_m, 1),  # pixels per metre
        'Target Frame': config.map.base_frame,
        'Value': f'TopDownOrtho ({_PLUGINS})',
        'X': 0,
        'Y': 0,
    }


def _displays(config: Config, cameras: Sequence[str]) -> list[Properties]:
    node = config.graph.private
    displays = []
    if config.map.enabled:
        displays.append(_map(f'{node}/occupancy_grid'))
    if config.map.enabled and config.publish.scan:
        displays.append(_group('Scans', [_scan(node, name, i) for i, name in enumerate(cameras)]))
    if config.map.enabled and config.publish.markers:
        displays.append(_display('MarkerArray', 'Objects', {'Topic': _topic(f'{node}/markers', _NEWEST)}))
    displays.append(_display('TF', 'TF', {'Show Arrows': False, 'Show Names': False}))
    displays.append(_robot(config.map.base_frame))
    if config.publish.overlay:
        shown = shown_at_start(cameras)
        displays.append(_group('Overlays', [_overlay(node, name, name in shown) for name in cameras]))
    return displays


def _map(topic: str) -> Properties:
    properties = {
        'Alpha': 1.0,
        'Color Scheme': 'map',
        'Draw Behind': True,
        'Topic': _topic(topic, LATCHED),
        'Update Topic': _topic(f'{topic}_updates', RELIABLE),
        'Use Timestamp': False,
    }
    return _display('Map', 'Map', properties)


def _scan(node: str, camera: str, index: int) -> Properties:
    properties = {
        'Color': '; '.join(map(str, PALETTE[index % len(PALETTE)])),
        'Color Transformer': 'FlatColor',
        'Position Transformer': 'XYZ',
        'Size (m)': 0.12,
        'Style': 'Flat Squares',
        'Topic': _topic(f'{node}/{camera}/scan', _NEWEST),
    }
    return _display('LaserScan', f'{camera} scan', properties)


def _robot(base_frame: str) -> Properties:
    """Return axes large enough to show the position of the robot, and its heading (red)."""
    return _display('Axes', 'Robot', {'Length': 1.0, 'Radius': 0.1, 'Reference Frame': base_frame})


def _overlay(node: str, camera: str, enabled: bool) -> Properties:
    topic = _topic(f'{node}/{camera}/overlay', _NEWEST)
    return _display('Image', _overlay_name(camera), {'Topic': topic}, enabled)


def _overlay_name(camera: str) -> str:
    """Return the name of a display, which is also the title of its dock and must differ from all others."""
    return f'{camera} overlay'


def _group(name: str, displays: list[Properties]) -> Properties:
    return {
        'Class': 'rviz_common/Group',
        'Displays': displays,
        'Enabled': True,
        'Name': name,
        'Value': True,
    }


def _display(kind: str, name: str, properties: Properties, enabled: bool = True) -> Properties:
    return {'Class': f'{_PLUGINS}/{kind}', 'Enabled': enabled, 'Name': name, **properties, 'Value': enabled}


def _topic(name: str, qos: Qos) -> Properties:
    return {
        'Depth': qos.depth,
        'Durability Policy': 'Transient Local' if qos.durability == 'transient_local' else 'Volatile',
        'History Policy': 'Keep Last',
        'Reliability Policy': 'Reliable' if qos.reliability == 'reliable' else 'Best Effort',
        'Value': name,
    }
