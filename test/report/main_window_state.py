"""Reader for the data of `QMainWindow::saveState`; `read` is tested with data written by Qt."""

import struct
from typing import NamedTuple

STATE, DOCKS, SEQUENCE, DOCK, TOOLBARS = 0xFF, 0xFD, 0xFC, 0xFB, 0xFC
SIDES = {0: 'left', 1: 'right', 2: 'top', 3: 'bottom'}

# Saved by Qt 5.15.19: `Displays` on the left, six docks in rows of two on the right of a 1600 x 900 window.
SAVED_BY_QT = (
    '000000ff00000000fd00000002000000000000012c0000032cfc0200000001fb000000100044006900730070006c006100790073'
    '010000003e0000032c0000005e00ffffff000000010000029a0000032cfc0200000003fc0000003e0000010a0000001700ffffff'
    'fc0100000002fb00000002006101000003a6000001470000003e00fffffffb00000002006201000004f30000014d0000003e00ff'
    'fffffc0000014e0000010b0000001700fffffffc0100000002fb00000002006301000003a6000001470000003e00fffffffb0000'
    '0002006401000004f30000014d0000003e00fffffffc0000025f0000010b0000001700fffffffc0100000002fb00000002006501'
    '000003a6000001470000003e00fffffffb00000002006601000004f30000014d0000003e00ffffff0000026e0000032c00000004'
    '000000040000000800000008fc0000000100000002000000010000000a0054006f006f006c00730100000000ffffffff00000000'
    '00000000'
)


class Dock(NamedTuple):
    """A dock. `length` is its width in a row or its height in a column, in pixels."""

    name: str
    visible: bool
    length: int


class Part(NamedTuple):
    """Docks and other sequences side by side (`across`) or below each other; `length` as for a dock."""

    across: bool
    items: list
    length: int


class Window(NamedTuple):
    """The (width and height, part) of each side, the size of the centre, and the names of toolbars."""

    sides: dict
    centre: tuple[int, int]
    toolbars: list[str]


class Reader:
    def __init__(self, text):
        self._bytes, self._at = bytes.fromhex(text), 0

    def take(self, form):
        form = '>' + form
        values = struct.unpack_from(form, self._bytes, self._at)
        self._at += struct.calcsize(form)
        return values if len(values) > 1 else values[0]

    def text(self):
        length = self.take('I')
        self._at += length
        return self._bytes[self._at - length : self._at].decode('utf-16-be')

    def part(self, length=0):
        marker, orientation, n = self.take('BBi')
        assert marker == SEQUENCE
        return Part(orientation == 1, [self.item() for _ in range(n)], length)

    def item(self):
        if self.take('B') == SEQUENCE:
            _, length, _, _ = self.take('4i')
            return self.part(length)
        name = self.text()
        flags, _, length, _, _ = self.take('B4i')
        return Dock(name, bool(flags & 1), length)

    def toolbar(self):
        name = self.text()
        self.take('B4i')
        return name

    def window(self):
        marker, version, docks, n = self.take('iiBi')
        assert (marker, version, docks) == (STATE, 0, DOCKS)
        sides = {}
        for _ in range(n):
            side, *size = self.take('3i')
            sides[SIDES[side]] = (tuple(size), self.part())
        centre = self.take('ii')
        assert self.take('4i') == (4, 4, 8, 8)
        toolbars, lines = self.take('Bi')
        assert toolbars == TOOLBARS
        names = [self.toolbar() for _ in range(lines) for _ in range(self.take('ii')[1])]
        assert self._at == len(self._bytes)
        return Window(sides, centre, names)


def read(text):
    """Parse a hexadecimal state; fail if it is not valid."""
    return Reader(text).window()
