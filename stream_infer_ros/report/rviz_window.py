"""The window of rviz2: displays on the left, the view in the middle, overlays of the cameras on the right.

Overlays are side by side and not in tabs, because rviz disables and hides an image display whose tab is not
in front. All tabs but one would disappear.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil
from typing import Any

from stream_infer_ros.report.qt_window_state import Area, Column, Dock, window_state

_DISPLAYS_PANEL = 'Displays'
_TOOLBAR = 'Tools'
# Fits a screen of 1920 x 1080. On a smaller screen, Qt shrinks all parts.
_WINDOW_PX = (1600, 940)
_BARS_PX = 84  # menu, tools and status line
_TITLE_PX = 22  # of a dock
_HANDLE_PX = 6  # between docks
_PANEL_WIDTH_PX = 340
_ARROW_PX = 22  # buttons left and right of the view, which hide the docks
_ASPECT = 4 / 3
_MOST_ROWS, _MOST_COLUMNS = 4, 2
_ONE_COLUMN_ROWS = 3
_OVERLAYS_WIDTH_PX = 640  # at most


def shown_at_start(overlays: Sequence[str]) -> Sequence[str]:
    """Return the overlays that fit side by side with a width of at least 240 pixels."""
    return overlays[: _MOST_ROWS * _MOST_COLUMNS]


def window_geometry(overlays: Sequence[str]) -> tuple[dict[str, Any], tuple[int, int]]:
    """Return rviz's section `Window Geometry`, and width and height of the view in pixels.

    Args:
        overlays: names of the overlay displays, in the order in which they are shown; may be empty.
    """
    width, height = _WINDOW_PX
    area_px = height - _BARS_PX
    columns = {Area.LEFT: Column([[Dock(_DISPLAYS_PANEL)]], _PANEL_WIDTH_PX)}
    centre = width - _PANEL_WIDTH_PX - _HANDLE_PX
    if overlays:
        columns[Area.RIGHT] = _column(overlays, area_px)
        centre -= columns[Area.RIGHT].width_px + _HANDLE_PX
    geometry = {
        'Height': height,
        'Width': width,
        'X': 0,
        'Y': 0,
        # If one of these two is missing, rviz reads an undefined value.
        'Hide Left Dock': False,
        'Hide Right Dock': False,
        'QMainWindow State': window_state(columns, (centre, area_px), [_TOOLBAR]),
    }
    return geometry, (centre - 2 * _ARROW_PX, area_px)


def _column(overlays: Sequence[str], height_px: int) -> Column:
    """Return rows of one or two overlays, as large as the aspect ratio of images allows."""
    shown = shown_at_start(overlays)
    across = 1 if len(shown) <= _ONE_COLUMN_ROWS else _MOST_COLUMNS
    rows = [[Dock(name) for name in shown[i : i + across]] for i in range(0, len(shown), across)]
    image_px = height_px / ceil(len(shown) / across) - _TITLE_PX - _HANDLE_PX
    width = min(_OVERLAYS_WIDTH_PX, round(image_px * _ASPECT) * across + _HANDLE_PX * (across - 1))
    # A hidden dock takes no space until its display is enabled.
    hidden = [Dock(name, visible=False) for name in overlays[len(shown) :]]
    rows += [hidden[i : i + across] for i in range(0, len(hidden), across)]
    return Column(rows, width)
