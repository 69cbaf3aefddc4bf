"""The tree of coordinate frames over time: what tf2's buffer is for, for a process without ROS."""

from __future__ import annotations

import math
import threading

from stream_infer_ros.cameras.rigid_transform import RigidTransform
from stream_infer_ros.cameras.transform_history import StampedTransform, TransformHistory
from stream_infer_ros.errors import ExtrapolationError, TransformError, UnknownFrameError

CACHE_NS = 10_000_000_000  # tf2's default

__all__ = ['CACHE_NS', 'StampedTransform', 'TransformBuffer']


class TransformBuffer:
    """Keeps transforms and answers for any two frames and any time between what it heard.

    tf2's rules: linear and slerp interpolation, no extrapolation, stamp 0 asks for the latest time that every
    edge on the path covers, a single sample is valid at its own stamp only, static transforms at all times, a
    leading slash of a frame name is ignored. Frames may change their parent. One thread may feed it while
    others ask.

    Args:
        cache_ns: how far behind the newest sample of a frame older ones are kept, nanoseconds.
    """

    def __init__(self, cache_ns: int = CACHE_NS) -> None:
        self._cache_ns = cache_ns
        self._histories: dict[str, TransformHistory] = {}  # by child
        # Answers that hold at all times, as nothing on their path moves: of cameras on their robot.
        self._fixed: dict[tuple[str, str], RigidTransform] = {}
        self._lock = threading.Lock()

    def set(self, sample: StampedTransform, static: bool = False) -> bool:
        """Take a transform; a frame that was static becomes dynamic, or back, with its newest sample.

        Returns:
            False if the sample is older than what is kept, and was not taken.

        Raises:
            TransformError: a frame without name or under itself, a value that is not finite, or a loop.
        """
        parent, child = _bare(sample.parent), _bare(sample.child)
        if not parent or not child or parent == child:
            raise TransformError(
                f'a transform between two different named frames was expected, '
                f'{sample.parent!r} -> {sample.child!r} came; correct its publisher'
            )
        pose = sample.transform
        if not all(map(math.isfinite, (*pose.rotation.ravel().tolist(), *pose.translation.tolist()))):
            raise TransformError(
                f'the transform {parent!r} -> {child!r} is not finite; correct its publisher'
            )
        sample = StampedTransform(sample.stamp_ns, parent, child, pose)
        with self._lock:
            if child in self._ancestors(parent, sample.stamp_ns):
                raise TransformError(
                    f'the transform {parent!r} -> {child!r} closes a loop: {child!r} already is above '
                    f'{parent!r}; two publishers disagree about who is the parent: stop one'
                )
            history = self._histories.get(child)
            if static or (history is not None and history.static):
                self._fixed.clear()
            if history is None or history.static != static:
                history = self._histories[child] = TransformHistory(static, self._cache_ns)
            return history.insert(sample)

    def lookup(self, target: str, source: str, stamp_ns: int) -> RigidTransform:
        """target_from_source at a time: `points_in_target = lookup(...).apply(points_in_source)`.

        Args:
            stamp_ns: nanoseconds; 0: the latest time at which the whole path is known.

        Raises:
            UnknownFrameError: a frame nobody published, or the two are in different trees.
            ExtrapolationError: some edge of the path has no data at that time.
        """
        target, source = _bare(target), _bare(source)
        with self._lock:
            fixed = self._fixed.get((target, source))
            if fixed is not None:
                return fixed
            down, up = self._path(target, source, stamp_ns or _FOR_EVER_NS)
            newest_ns = self._newest_common_ns(down + up)
            stamp_ns = stamp_ns or newest_ns or 0
            top_from_source = self._chain(up, target, source, stamp_ns)
            top_from_target = self._chain(down, target, source, stamp_ns)
            target_from_source = top_from_target.inverse() @ top_from_source if down else top_from_source
            if newest_ns is None:
                self._fixed[target, source] = target_from_source
        return target_from_source

    def newest_ns(self, target: str, source: str) -> int | None:
        """Latest stamp for which `lookup` can answer: whether waiting helps. None: at any time (all static).

        Raises:
            UnknownFrameError: as `lookup`.
        """
        with self._lock:
            down, up = self._path(_bare(target), _bare(source), _FOR_EVER_NS)
            return self._newest_common_ns(down + up)

    def frames(self) -> tuple[str, ...]:
        """Every frame known, sorted."""
        with self._lock:
            return self._frames()

    def clear_dynamic(self) -> None:
        """Forget all but the static transforms: after a jump of time (a looped bag, a reset simulation)."""
        with self._lock:
            self._histories = {child: h for child, h in self._histories.items() if h.static}

    def _frames(self) -> tuple[str, ...]:
        parents = {h.parent_at(_FOR_EVER_NS) for h in self._histories.values()}
        return tuple(sorted(parents.union(self._histories)))

    def _ancestors(self, frame: str, stamp_ns: int) -> list[str]:
        """The frame and all above it, as the tree stood (or nearest to how it stood) at that time."""
        line = [frame]
        while (history := self._histories.get(line[-1])) is not None:
            parent = history.parent_at(stamp_ns)
            if parent in line:  # transforms that came late can close a loop in the past
                raise TransformError(
                    f'the frames {line} form a loop at {stamp_ns} ns; two publishers disagree: stop one'
                )
            line.append(parent)
        return line

    def _path(self, target: str, source: str, stamp_ns: int) -> tuple[list[str], list[str]]:
        """Frames from target and from source up to, but without, their nearest common ancestor."""
        from_target, from_source = self._ancestors(target, stamp_ns), self._ancestors(source, stamp_ns)
        common = next((frame for frame in from_source if frame in from_target), None)
        if common is None:
            raise self._unconnected(from_target, from_source)
        return from_target[: from_target.index(common)], from_source[: from_source.index(common)]

    def _unconnected(self, from_target: list[str], from_source: list[str]) -> UnknownFrameError:
        known = self._frames()
        for frame in (from_target[0], from_source[0]):
            if frame not in known:
                return UnknownFrameError(
                    f'frame {frame!r} is not known; known: {", ".join(known) or "none"}; '
                    'check its name, and that its publisher runs'
                )
        return UnknownFrameError(
            f'{from_target[0]!r} and {from_source[0]!r} are not connected: one tree is '
            f'{" < ".join(from_target)}, the other {" < ".join(from_source)}; '
            f'publish a transform between {from_target[-1]!r} and {from_source[-1]!r}'
        )

    def _newest_common_ns(self, path: list[str]) -> int | None:
        moving = [self._histories[frame] for frame in path if not self._histories[frame].static]
        return min((history.newest_ns for history in moving), default=None)

    def _chain(self, line: list[str], target: str, source: str, stamp_ns: int) -> RigidTransform:
        """ancestor_from_frame over the edges of `line`, which starts at the frame."""
        ancestor_from_frame: RigidTransform | None = None
        for child in line:
            history = self._histories[child]
            if not history.covers(stamp_ns):
                raise _extrapolation(history, target, source, child, stamp_ns)
            parent_from_child = history.at(stamp_ns)
            ancestor_from_frame = (
                parent_from_child if ancestor_from_frame is None else parent_from_child @ ancestor_from_frame
            )
        return ancestor_from_frame or RigidTransform.identity()


_FOR_EVER_NS = 2**63 - 1


def _bare(frame: str) -> str:
    return frame.lstrip('/')


def _extrapolation(
    history: TransformHistory, target: str, source: str, child: str, stamp_ns: int
) -> ExtrapolationError:
    future = stamp_ns > history.newest_ns
    remedy = (
        'wait for newer transforms, or check that its publisher still runs and shares the clock of the images'
        if future
        else 'ask for a later time, or keep transforms for longer (cache_ns)'
    )
    return ExtrapolationError(
        f'{target!r} from {source!r} at {stamp_ns} ns would need {history.parent_at(stamp_ns)!r} -> '
        f'{child!r} in the {"future" if future else "past"}: it is known from {history.oldest_ns} to '
        f'{history.newest_ns} ns; {remedy}'
    )
