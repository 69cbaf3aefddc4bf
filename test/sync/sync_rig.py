"""A deadline synchronizer, the clock of its owner, and frames that have only a camera and a stamp."""

from dataclasses import dataclass, field
from typing import Any

from stream_infer_ros.cameras import Frame
from stream_infer_ros.config.tree import SyncConfig
from stream_infer_ros.sync import DeadlineSynchronizer, FrameSet
from stream_infer_ros.sync.synchronizer import Settings

MS = 1_000_000
START = 1_700_000_000_000 * MS  # stamps as large as real ones


def fixed(**settings: Any) -> Settings:
    """Settings that do not change."""
    config = SyncConfig(**settings)
    return lambda: config


def frame(camera: str, stamp_ns: int) -> Frame:
    return Frame(camera, stamp_ns, stamp_ns, None, 'rgb8', camera)


@dataclass
class Rig:
    """A synchronizer and the clock of its owner, who polls whenever it asks to be polled."""

    synchronizer: DeadlineSynchronizer
    left: list[tuple[int, FrameSet]] = field(default_factory=list)  # when, what
    given: list[Frame] = field(default_factory=list)

    def advance(self, now_ns: int) -> None:
        asked_ns = -1
        while (due_ns := self.synchronizer.next_deadline_ns()) is not None and due_ns <= now_ns:
            assert due_ns > asked_ns, 'poll did nothing and asks for the same moment again'
            asked_ns = due_ns
            self.left += [(due_ns, s) for s in self.synchronizer.poll(due_ns)]

    def add(self, camera: str, stamp_ns: int, now_ns: int | None = None) -> list[FrameSet]:
        now_ns = stamp_ns if now_ns is None else now_ns
        self.advance(now_ns)
        f = frame(camera, stamp_ns)
        self.given.append(f)
        closed = list(self.synchronizer.add(f, now_ns))
        self.left += [(now_ns, s) for s in closed]
        return closed

    @property
    def sets(self) -> list[FrameSet]:
        return [s for _, s in self.left]

    def present(self) -> list[str]:
        """Cameras of each set: ['abc', 'ab', ...]."""
        return [''.join(f.camera for f in s.frames if f) for s in self.sets]


def rig(cameras: str, deadline_ms: int = 40, slop_ms: int = 0, timeout_ms: int = 500) -> Rig:
    settings = fixed(deadline_ms=deadline_ms, slop_ms=slop_ms, camera_timeout_ms=timeout_ms)
    return Rig(DeadlineSynchronizer([*cameras], settings))


def warm(cameras: str, **options: int) -> tuple[Rig, int]:
    """All cameras heard for a second at 10 Hz; the rig and the next stamp."""
    r = rig(cameras, **options)
    for tick in range(10):
        for camera in cameras:
            r.add(camera, START + tick * 100 * MS)
    r.left.clear()
    return r, START + 1000 * MS
