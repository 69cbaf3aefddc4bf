"""The arrangement of docks in a Qt main window, in the format of `QMainWindow::saveState` (Qt 5 and 6).

rviz stores its panels in this format. Writing it does not need Qt.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum

# Markers and flags of qmainwindowlayout.cpp, qdockarealayout.cpp and qtoolbararealayout.cpp.
_STATE, _DOCKS, _SEQUENCE, _DOCK, _TOOLBARS = 0xFF, 0xFD, 0xFC, 0xFB, 0xFC
_VISIBLE = 1
_HORIZONTAL, _VERTICAL = 1, 2
_UNLIMITED_PX = 0xFFFFFF
_TOP_TOOLBARS = 2
# The top and bottom areas reach into the corners, which is Qt's default.
_CORNERS = (4, 4, 8, 8)


class Area(IntEnum):
    """Places of docks, relative to the central widget."""

    LEFT = 0
    RIGHT = 1


@dataclass(frozen=True, slots=True)
class Dock:
    """A dock widget.

    Attributes:
        name: its object name; rviz uses the name of the panel or display.
        visible: False reserves its place until it is shown.
    """

    name: str
    visible: bool = True


@dataclass(frozen=True, slots=True)
class Column:
    """Rows of docks, one below the other.

    Attributes:
        rows: the docks of each row, from left to right.
        width_px: of the whole column.
    """

    rows: Sequence[Sequence[Dock]]
    width_px: int


def window_state(columns: Mapping[Area, Column], centre_px: tuple[int, int], toolbars: Sequence[str]) -> str:
    """Return hexadecimal text for `QMainWindow::restoreState`.

    Args:
        columns: the docks of each area.
        centre_px: width and height of the central widget. Columns are as high as it is.
        toolbars: object names of the toolbars above, from left to right.

    If the window has another size, Qt adapts the sizes of the docks.
    """
    width, height = centre_px
    state = struct.pack('>iiBi', _STATE, 0, _DOCKS, len(columns))
    for area, column in sorted(columns.items()):
        state += struct.pack('>iii', area, column.width_px, height) + _column(column, height)
    state += struct.pack('>ii4i', width, height, *_CORNERS)
    state += struct.pack('>Bi', _TOOLBARS, 1) + struct.pack('>ii', _TOP_TOOLBARS, len(toolbars))
    for name in toolbars:
        state += _text(name) + struct.pack('>Biiii', _VISIBLE, 0, -1, 0, 0)
    return state.hex()


def _column(column: Column, height_px: int) -> bytes:
    items = b''
    top = 0
    for row, length in zip(column.rows, _shares(height_px, len(column.rows)), strict=True):
        if len(row) == 1:
            items += _dock(row[0], top, length)
        else:
            items += struct.pack('>Biiii', _SEQUENCE, top, length, 0, _UNLIMITED_PX)
            items += _row(row, column.width_px)
        top += length
    return struct.pack('>BBi', _SEQUENCE, _VERTICAL, len(column.rows)) + items


def _row(row: Sequence[Dock], width_px: int) -> bytes:
    items = b''
    left = 0
    for dock, length in zip(row, _shares(width_px, len(row)), strict=True):
        items += _dock(dock, left, length)
        left += length
    return struct.pack('>BBi', _SEQUENCE, _HORIZONTAL, len(row)) + items


def _dock(dock: Dock, position_px: int, length_px: int) -> bytes:
    flags = _VISIBLE if dock.visible else 0
    return (
        struct.pack('>B', _DOCK)
        + _text(dock.name)
        + struct.pack('>Biiii', flags, position_px, length_px, 0, _UNLIMITED_PX)
    )


def _text(text: str) -> bytes:
    """Encode a QString: length in bytes, then UTF-16."""
    encoded = text.encode('utf-16-be')
    return struct.pack('>I', len(encoded)) + encoded


def _shares(total: int, n: int) -> list[int]:
    """Divide `total` into n whole parts that differ by at most one."""
    return [total * (i + 1) // n - total * i // n for i in range(n)]
