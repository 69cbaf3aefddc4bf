"""Problems of the geometry of a camera, as values."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class ViewProblemKind(str, Enum):
    """The kinds of problems, by the name that /diagnostics shows in the value `problem`.

    Attributes:
        blocks: True if views with this problem are left out of the map, because it would be wrong.
    """

    blocks: bool

    def __new__(cls, name: str, blocks: bool) -> ViewProblemKind:
        member = str.__new__(cls, name)
        member._value_ = name
        member.blocks = blocks
        return member

    BELOW_GROUND = ('below_ground', True)
    NO_GROUND = ('no_ground', True)
    UPSIDE_DOWN = ('upside_down', True)
    SIDEWAYS = ('sideways', False)
    NOT_OPTICAL = ('not_optical', False)
    HEIGHT = ('height', False)
    SAME_FRAME = ('same_frame', False)
    CALIBRATION = ('calibration_doubtful', False)


@dataclass(frozen=True, slots=True)
class ViewProblem:
    """A problem of the geometry of one camera. `str()` is the text for the user.

    Attributes:
        kind: the kind.
        camera: the name of the camera.
        cause: one sentence without a full stop: what is wrong.
        remedy: the same: what to do about it.
    """

    kind: ViewProblemKind
    camera: str
    cause: str
    remedy: str

    def __str__(self) -> str:
        return f'{self.cause}: {self.remedy}'
