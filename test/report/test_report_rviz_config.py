"""The displays of the rviz configuration have the right topics, types and QoS."""

import re
from pathlib import Path

import pytest
import yaml
from main_window_state import Part, read
from typer.testing import CliRunner

from stream_infer_ros.cli.app import app
from stream_infer_ros.config import Config, GraphConfig, MapConfig, PublishConfig
from stream_infer_ros.errors import ConfigError
from stream_infer_ros.graph import MemoryGraph
from stream_infer_ros.pipeline.live_settings import CurrentSettings
from stream_infer_ros.pipeline.steps.publish import Outputs
from stream_infer_ros.report.rviz_config import rviz_config

ROOT = Path(__file__).resolve().parents[2]
SHOWS = {
    'rviz_default_plugins/Map': 'nav_msgs/msg/OccupancyGrid',
    'rviz_default_plugins/MarkerArray': 'visualization_msgs/msg/MarkerArray',
    'rviz_default_plugins/LaserScan': 'sensor_msgs/msg/LaserScan',
    'rviz_default_plugins/Image': 'sensor_msgs/msg/Image',
}
RIGS = [
    (['cam0', 'cam1', 'cam2', 'cam3', 'cam4', 'cam5'], '/'),
    (['front', 'left'], '/robot1'),
    (['only'], '/fleet/robot_7'),
    ([f'c{i}' for i in range(11)], '/'),
]


class ListingGraph(MemoryGraph):
    """A graph that remembers the advertised topics."""

    def __init__(self):
        super().__init__()
        self.advertised = {}

    def advertise(self, topic, type_name, qos):
        self.advertised[topic] = (type_name, qos)
        return super().advertise(topic, type_name, qos)


def in_namespace(namespace, **sections):
    return Config(graph=GraphConfig(namespace=namespace), **sections)


def advertised(config, cameras):
    graph = ListingGraph()
    Outputs(graph, config, cameras, ['car'], CurrentSettings(config))
    graph.close()
    return graph.advertised


def made(config, cameras):
    return yaml.safe_load(rviz_config(config, cameras))


def displays(entries):
    for display in entries:
        yield from displays(display.get('Displays', []))
        yield display


def shown(document):
    return list(displays(document['Visualization Manager']['Displays']))


def with_topics(document):
    return [display for display in shown(document) if 'Topic' in display]


@pytest.mark.parametrize(('cameras', 'namespace'), RIGS)
def test_every_display_has_a_publisher_it_can_hear(cameras, namespace):
    config = in_namespace(namespace)
    published = advertised(config, cameras)
    for display in with_topics(made(config, cameras)):
        topic = display['Topic']
        type_name, qos = published[topic['Value']]
        assert SHOWS[display['Class']] == type_name, display['Name']
        if topic['Reliability Policy'] == 'Reliable':
            assert qos.reliability == 'reliable', display['Name']
        # Only a latched subscription gets the map that was published before rviz started.
        latched = topic['Durability Policy'] == 'Transient Local'
        assert latched == (qos.durability == 'transient_local'), display['Name']
        if 'Update Topic' in display:
            type_name, qos = published[display['Update Topic']['Value']]
            assert type_name == 'map_msgs/msg/OccupancyGridUpdate'
            assert display['Update Topic']['Depth'] == qos.depth  # a lost update leaves an error in the map


@pytest.mark.parametrize(('cameras', 'namespace'), RIGS)
def test_map_objects_scans_and_overlays_are_all_there(cameras, namespace):
    config = in_namespace(namespace)
    topics = {display['Topic']['Value'] for display in with_topics(made(config, cameras))}
    published = advertised(config, cameras)
    assert topics == {topic for topic, (type_name, _) in published.items() if type_name in SHOWS.values()}


@pytest.mark.parametrize(
    'sections',
    [
        {'map': MapConfig(enabled=False)},
        {'publish': PublishConfig(scan=False, markers=False)},
        {'publish': PublishConfig(overlay=False)},
    ],
)
def test_what_is_not_published_is_not_shown(sections):
    config = in_namespace('/', **sections)
    document = made(config, ['front', 'left'])
    topics = {display['Topic']['Value'] for display in with_topics(document)}
    published = advertised(config, ['front', 'left'])
    assert topics == {topic for topic, (type_name, _) in published.items() if type_name in SHOWS.values()}
    state = read(document['Window Geometry']['QMainWindow State'])
    assert ('right' in state.sides) == config.publish.overlay


def test_frames_and_the_view_are_those_of_the_map():
    config = in_namespace('/', map=MapConfig(map_frame='world', base_frame='chassis', range_m=20.0))
    manager = made(config, ['front'])['Visualization Manager']
    assert manager['Global Options']['Fixed Frame'] == 'world'
    view = manager['Views']['Current']
    assert view['Class'] == 'rviz_default_plugins/TopDownOrtho'
    assert view['Target Frame'] == 'chassis'
    state = read(made(config, ['front'])['Window Geometry']['QMainWindow State'])
    assert min(state.centre) / view['Scale'] == pytest.approx(43, abs=2.5)  # metres


@pytest.mark.parametrize('n', range(1, 20))
def test_overlays_lie_in_the_order_of_the_cameras_at_least_240_pixels_wide(n):
    cameras = [f'camera{i}' for i in range(n)]
    document = made(Config(), cameras)
    images = [d for d in shown(document) if d['Class'] == 'rviz_default_plugins/Image']
    state = read(document['Window Geometry']['QMainWindow State'])
    (width, height), column = state.sides['right']
    rows = [part.items if isinstance(part, Part) else [part] for part in column.items]
    docks = [dock for row in rows for dock in row]
    assert [dock.name for dock in docks] == [display['Name'] for display in images]
    assert [name.split()[0] for name, *_ in docks] == cameras
    # Only enabled displays may show their docks, or rviz would enable the others too.
    assert [dock.visible for dock in docks] == [display['Enabled'] for display in images]
    assert sum(dock.visible for dock in docks) == min(n, 8)
    visible_rows = [row for row in rows if row[0].visible]
    for row in visible_rows:
        assert all(dock.length >= 240 for dock in row if len(row) > 1)
    assert width >= 240 * max(map(len, visible_rows))
    assert height / len(visible_rows) - 28 >= 0.74 * 240
    assert state.centre[0] >= 540


def test_displays_are_collapsed_and_their_names_differ():
    document = made(Config(), ['Displays', 'Height', 'front'])
    tree = document['Panels'][0]['Property Tree Widget']
    assert tree['Expanded'] == ['/Overlays1']
    names = [display['Name'] for display in shown(document)] + [document['Panels'][0]['Name']]
    assert len(names) == len(set(names))


def test_no_cameras_are_refused_in_words():
    with pytest.raises(ConfigError, match='names of the cameras'):
        rviz_config(Config(), [])


def run(*arguments):
    result = CliRunner().invoke(app, ['rviz-config', *arguments], catch_exceptions=False)
    assert result.exit_code == 0
    return result.output


def test_the_command_takes_a_file_names_and_a_namespace(tmp_path):
    file = tmp_path / 'mine.yaml'
    file.write_text('{cameras: [front, left], map: {map_frame: world}}')
    assert run('--config', str(file)) == rviz_config(
        Config(map=MapConfig(map_frame='world')), ['front', 'left']
    )
    assert run('--cameras', 'a, b', '--namespace', '/robot1') == rviz_config(
        in_namespace('/robot1'), ['a', 'b']
    )


def test_the_shipped_file_is_that_of_the_demo():
    text = (ROOT / 'config' / 'stream_infer.rviz').read_text()
    hint = 'run `stream_infer rviz-config --config config/six_cameras.yaml > config/stream_infer.rviz`'
    assert text == run('--config', str(ROOT / 'config' / 'six_cameras.yaml')), hint


def test_nothing_is_left_to_the_reading_of_yaml():
    """Load YAML 1.2 as rviz does, where a word such as `on` is text."""
    text = rviz_config(Config(map=MapConfig(map_frame='on')), ['on', 'y'])
    assert re.search(r"Fixed Frame: 'on'", text)
