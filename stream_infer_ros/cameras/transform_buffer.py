"""The tree of coordinate frames over time, like the buffer of tf2, for processes without ROS."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable

from stream_infer_ros.cameras.rigid_transform import RigidTransform
from stream_infer_ros.cameras.transform_history import StampedTransform, TransformHistory
from stream_infer_ros.errors import ExtrapolationError, TransformError, UnknownFrameError

CACHE_NS = 10_000_000_000  # the default of tf2

__all__ = ['CACHE_NS', 'StampedTransform', 'TransformBuffer']

# Returns, by child frame, the offset of the clock of its transforms.
OffsetOf = Callable[[str], int]


class TransformBuffer:
    """Stores transforms and looks up the transform between two frames at a time.

    The rules are those of tf2:

    - Between two samples, translations are interpolated linearly and rotations by slerp. There is no
      extrapolation.
    - Stamp 0 means the latest time that all transforms on the path cover.
    - A single sample is valid at its own stamp only, a static transform at all times.
    - A leading slash of a frame name is ignored. A frame may change its parent.

    One thread may add transforms while others look them up.

    Args:
        cache_ns: age, relative to the newest sample of the same frame, up to which samples are kept, in
            nanoseconds.

    Example:
        >>> buffer = TransformBuffer()
        >>> camera = RigidTransform.from_xyz_rpy((0.2, 0.0, 1.0), (0.0, 0.0, 0.0))
        >>> buffer.set(StampedTransform(0, 'base_link', 'camera', camera), static=True)
        True
        >>> buffer.lookup('base_link', 'camera', stamp_ns=0).translation.tolist()
        [0.2, 0.0, 1.0]
    """

    def __init__(self, cache_ns: int = CACHE_NS) -> None:
        self._cache_ns = cache_ns
        self._histories: dict[str, TransformHistory] = {}  # by child
        # Results that are valid at all times, because all transforms on their path are static.
        self._fixed: dict[tuple[str, str], RigidTransform] = {}
        self._lock = threading.Lock()

    def set(self, sample: StampedTransform, static: bool = False) -> bool:
        """Add a transform.

        A static frame becomes dynamic with its first dynamic sample, and the other way round.

        Returns:
            True if the sample was stored, False if it was too old.

        Raises:
            TransformError: a frame has no name or is its own parent, a value is not finite, or the transform
                would close a loop.
        """
        parent, child = _bare(sample.parent), _bare(sample.child)
        if not parent or not child or parent == child:
            raise TransformError(
                f'expected a transform between two different frames with names, '
                f'got {sample.parent!r} -> {sample.child!r}; correct its publisher'
            )
        pose = sample.transform
        if not all(map(math.isfinite, (*pose.rotation.ravel().tolist(), *pose.translation.tolist()))):
            raise TransformError(
                f'the transform {parent!r} -> {child!r} has values that are not finite; correct its publisher'
            )
        sample = StampedTransform(sample.stamp_ns, parent, child, pose)
        with self._lock:
            if child in self._ancestors(parent, sample.stamp_ns):
                raise TransformError(
                    f'the transform {parent!r} -> {child!r} would close a loop, because {child!r} is already '
                    f'above {parent!r}; stop one of the two publishers that contradict each other'
                )
            history = self._histories.get(child)
            if static or (history is not None and history.static):
                self._fixed.clear()
            if history is None or history.static != static:
                history = self._histories[child] = TransformHistory(static, self._cache_ns)
            return history.insert(sample)

    def lookup(
        self, target: str, source: str, stamp_ns: int, offset_of: OffsetOf = lambda _: 0
    ) -> RigidTransform:
        """Return target_from_source at a time: `points_in_target = lookup(...).apply(points_in_source)`.

        Args:
            target, source: names of coordinate frames.
            stamp_ns: time in nanoseconds; 0 means the latest time that the whole path covers.
            offset_of: returns by child frame how far the stamps of its transforms lie behind the clock of
                `stamp_ns`, in nanoseconds.

        Raises:
            UnknownFrameError: a frame is unknown, or the two frames are not connected.
            ExtrapolationError: a transform on the path has no data for this time. It may still arrive if
                `newest_ns` of the error is before `stamp_ns`.
        """
        target, source = _bare(target), _bare(source)
        with self._lock:
            fixed = self._fixed.get((target, source))
            if fixed is not None:
                return fixed
            down, up = self._path(target, source, stamp_ns or _FOR_EVER_NS, offset_of)
            newest_ns = self._newest_common_ns(down + up, offset_of)
            stamp_ns = stamp_ns or newest_ns or 0
            top_from_source = self._chain(up, target, source, stamp_ns, offset_of)
            top_from_target = self._chain(down, target, source, stamp_ns, offset_of)
            target_from_source = top_from_target.inverse() @ top_from_source if down else top_from_source
            if newest_ns is None:
                self._fixed[target, source] = target_from_source
        return target_from_source

    def clear_dynamic(self) -> None:
        """Forget all transforms except static ones, after time jumped (a looped bag, a reset simulation)."""
        with self._lock:
            self._histories = {child: h for child, h in self._histories.items() if h.static}

    def forget(self, child: str) -> None:
        """Forget the dynamic transforms of one frame, because the clock of their publisher was set."""
        with self._lock:
            history = self._histories.get(_bare(child))
            if history is not None and not history.static:
                del self._histories[_bare(child)]

    def frames(self) -> tuple[str, ...]:
        """Return the names of all known frames, sorted."""
        with self._lock:
            return self._frames()

    def frames_below(self, frame: str) -> tuple[str, ...]:
        """Return the names of the children of a frame, of their children, and so on; sorted."""
        with self._lock:
            parents = {child: h.parent_at(_FOR_EVER_NS) for child, h in self._histories.items()}
        found, new = set[str](), {_bare(frame)}
        while new := {child for child, parent in parents.items() if parent in new} - found:
            found |= new
        return tuple(sorted(found))

    def _frames(self) -> tuple[str, ...]:
        """Return the names of all known frames, sorted."""
        parents = {h.parent_at(_FOR_EVER_NS) for h in self._histories.values()}
        return tuple(sorted(parents.union(self._histories)))

    def _ancestors(self, frame: str, stamp_ns: int, offset_of: OffsetOf = lambda _: 0) -> list[str]:
        """Return the frame and all its ancestors, according to the samples nearest to the given time."""
        line = [frame]
        while (history := self._histories.get(line[-1])) is not None:
            parent = history.parent_at(stamp_ns - offset_of(line[-1]))
            if parent in line:  # transforms that arrive late can close a loop in the past
                raise TransformError(
                    f'the frames {line} form a loop at {stamp_ns} ns; '
                    'stop one of the publishers that contradict each other'
                )
            line.append(parent)
        return line

    def _path(
        self, target: str, source: str, stamp_ns: int, offset_of: OffsetOf
    ) -> tuple[list[str], list[str]]:
        """Return the frames from target and from source up to, but without, their common ancestor."""
        from_target = self._ancestors(target, stamp_ns, offset_of)
        from_source = self._ancestors(source, stamp_ns, offset_of)
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
                    'check its name, and check that its publisher runs'
                )
        return UnknownFrameError(
            f'{from_target[0]!r} and {from_source[0]!r} are not connected: one tree is '
            f'{" < ".join(from_target)}, the other {" < ".join(from_source)}; '
            f'publish a transform between {from_target[-1]!r} and {from_source[-1]!r}'
        )

    def _newest_common_ns(self, path: list[str], offset_of: OffsetOf) -> int | None:
        moving = [frame for frame in path if not self._histories[frame].static]
        newest_ns = (self._histories[frame].newest_ns + offset_of(frame) for frame in moving)
        return min(newest_ns, default=None)

    def _chain(
        self, line: list[str], target: str, source: str, stamp_ns: int, offset_of: OffsetOf
    ) -> RigidTransform:
        """Return ancestor_from_frame, the product of the transforms along `line` from the frame upwards."""
        ancestor_from_frame: RigidTransform | None = None
        for child in line:
            history = self._histories[child]
            at_ns = stamp_ns - offset_of(child)
            if not history.covers(at_ns):
                raise _extrapolation(history, target, source, child, at_ns, offset_of(child))
            parent_from_child = history.at(at_ns)
            ancestor_from_frame = (
                parent_from_child if ancestor_from_frame is None else parent_from_child @ ancestor_from_frame
            )
        return ancestor_from_frame or RigidTransform.identity()


_FOR_EVER_NS = 2**63 - 1


def _bare(frame: str) -> str:
    return frame.lstrip('/')


def _extrapolation(
    history: TransformHistory, target: str, source: str, child: str, stamp_ns: int, offset_ns: int
) -> ExtrapolationError:
    future = stamp_ns > history.newest_ns
    remedy = (
        'wait for newer transforms, or check that its publisher runs and uses the same clock as the images'
        if future
        else 'request a later time, or keep transforms for longer (cache_ns)'
    )
    return ExtrapolationError(
        f'{target!r} from {source!r} at {stamp_ns} ns needs {history.parent_at(stamp_ns)!r} -> '
        f'{child!r} in the {"future" if future else "past"}: it is known from {history.oldest_ns} to '
        f'{history.newest_ns} ns; {remedy}',
        history.newest_ns + offset_ns,
    )
