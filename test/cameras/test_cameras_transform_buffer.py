"""The rules of tf2 for interpolation, extrapolation and lookup."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stream_infer_ros.cameras import RigidTransform, StampedTransform, TransformBuffer
from stream_infer_ros.errors import ExtrapolationError, TransformError, UnknownFrameError

S = 1_000_000_000


def pose(x: float = 0.0, y: float = 0.0, yaw: float = 0.0) -> RigidTransform:
    return RigidTransform.from_xyz_rpy((x, y, 0.0), (0.0, 0.0, yaw))


def at(stamp_ns: int, parent: str, child: str, transform: RigidTransform) -> StampedTransform:
    return StampedTransform(stamp_ns, parent, child, transform)


def matrix(transform: RigidTransform) -> np.ndarray:
    m = np.eye(4)
    m[:3, :3], m[:3, 3] = transform.rotation, transform.translation
    return m


def known_frames(buffer: TransformBuffer) -> str:
    """Return the names of all frames, as the error for an unknown frame lists them."""
    with pytest.raises(UnknownFrameError) as caught:
        buffer.lookup('nowhere', 'base', 0)
    return str(caught.value).partition('known: ')[2].partition(';')[0]


@pytest.fixture
def robot() -> TransformBuffer:
    """A robot that moves 1 m/s along x in odom. camera and lidar are static, map -> odom has one sample."""
    buffer = TransformBuffer()
    for second in (1, 2, 3):
        buffer.set(at(second * S, 'odom', 'base', pose(x=float(second))))
    buffer.set(at(0, 'base', 'camera', pose(y=0.5)), static=True)
    buffer.set(at(0, 'base', 'lidar', pose(y=-0.5)), static=True)
    buffer.set(at(2 * S, 'map', 'odom', pose(x=10.0)))
    return buffer


def test_interpolates_between_samples(robot: TransformBuffer) -> None:
    np.testing.assert_allclose(robot.lookup('odom', 'camera', int(1.25 * S)).translation, [1.25, 0.5, 0.0])


def test_target_from_source_moves_points_of_source_into_target(robot: TransformBuffer) -> None:
    odom_from_camera = robot.lookup('odom', 'camera', 2 * S)
    np.testing.assert_allclose(odom_from_camera.apply([[1.0, 0.0, 0.0]]), [[3.0, 0.5, 0.0]])
    camera_from_odom = robot.lookup('camera', 'odom', 2 * S)
    np.testing.assert_allclose(matrix(camera_from_odom) @ matrix(odom_from_camera), np.eye(4), atol=1e-12)


def test_rotation_takes_the_short_arc() -> None:
    buffer = TransformBuffer()
    buffer.set(at(1, 'a', 'b', pose(yaw=np.radians(170))))
    buffer.set(at(5, 'a', 'b', pose(yaw=np.radians(-170))))
    middle = buffer.lookup('a', 'b', 4)
    np.testing.assert_allclose(middle.rotation, pose(yaw=np.radians(185)).rotation, atol=1e-12)


@given(st.floats(-3, 3), st.floats(-3, 3), st.integers(0, 1000))
def test_rotation_between_two_samples_turns_evenly(first: float, turn: float, thousandth: int) -> None:
    buffer = TransformBuffer()
    buffer.set(at(1, 'a', 'b', pose(yaw=first)))
    buffer.set(at(1001, 'a', 'b', pose(yaw=first + turn)))
    expected = pose(yaw=first + turn * thousandth / 1000).rotation
    np.testing.assert_allclose(buffer.lookup('a', 'b', 1 + thousandth).rotation, expected, atol=1e-7)


def test_no_extrapolation_either_way(robot: TransformBuffer) -> None:
    with pytest.raises(ExtrapolationError, match=r"'odom' -> 'base' in the future.*1000000000 to 3000000000"):
        robot.lookup('odom', 'camera', 3 * S + 1)
    with pytest.raises(ExtrapolationError, match=r"'odom' -> 'base' in the past.*1000000000 to 3000000000"):
        robot.lookup('odom', 'camera', S - 1)
    robot.lookup('odom', 'camera', 3 * S)
    robot.lookup('odom', 'camera', S)


@pytest.mark.parametrize(('stamp_s', 'newest_s'), [(2.5, 2), (4, 2), (1, 2)])
def test_the_error_has_the_newest_stamp_of_the_limiting_transform(
    robot: TransformBuffer, stamp_s: float, newest_s: int
) -> None:
    with pytest.raises(ExtrapolationError) as caught:
        robot.lookup('map', 'odom', int(stamp_s * S))
    assert caught.value.newest_ns == newest_s * S


def test_a_single_sample_is_valid_at_its_own_stamp_only(robot: TransformBuffer) -> None:
    np.testing.assert_allclose(robot.lookup('map', 'base', 2 * S).translation, [12.0, 0.0, 0.0])
    for stamp_ns in (2 * S - 1, 2 * S + 1):
        with pytest.raises(ExtrapolationError, match="'map' -> 'odom'"):
            robot.lookup('map', 'base', stamp_ns)


def test_stamp_zero_is_the_latest_time_the_whole_path_knows(robot: TransformBuffer) -> None:
    np.testing.assert_allclose(robot.lookup('odom', 'base', 0).translation, [3.0, 0.0, 0.0])
    np.testing.assert_allclose(robot.lookup('map', 'camera', 0).translation, [12.0, 0.5, 0.0])


def test_only_edges_between_the_two_frames_must_be_known(robot: TransformBuffer) -> None:
    np.testing.assert_allclose(robot.lookup('lidar', 'camera', 99 * S).translation, [0.0, 1.0, 0.0])
    np.testing.assert_allclose(robot.lookup('lidar', 'camera', 0).translation, [0.0, 1.0, 0.0])


def test_a_frame_from_itself_is_identity(robot: TransformBuffer) -> None:
    np.testing.assert_array_equal(matrix(robot.lookup('base', 'base', 99 * S)), np.eye(4))


def test_unknown_and_unconnected_frames(robot: TransformBuffer) -> None:
    with pytest.raises(
        UnknownFrameError, match=r"'radar' is not known; known: base, camera, lidar, map, odom"
    ):
        robot.lookup('odom', 'radar', S)
    robot.set(at(S, 'world', 'tower', pose()))
    with pytest.raises(UnknownFrameError, match=r'camera < base < odom < map.*tower < world'):
        robot.lookup('camera', 'tower', S)
    with pytest.raises(UnknownFrameError, match='known: none'):
        TransformBuffer().lookup('a', 'b', 0)


def test_leading_slashes_do_not_matter(robot: TransformBuffer) -> None:
    robot.set(at(0, '/base', '/radar', pose(x=1.0)), static=True)
    np.testing.assert_allclose(robot.lookup('/base', 'radar', 5).translation, [1.0, 0.0, 0.0])


def test_order_of_arrival_does_not_matter_and_the_same_stamp_replaces() -> None:
    buffer = TransformBuffer()
    for stamp in (3, 1, 2, 5, 4):
        buffer.set(at(stamp, 'a', 'b', pose(x=float(stamp))))
    np.testing.assert_allclose([buffer.lookup('a', 'b', t).translation[0] for t in range(1, 6)], range(1, 6))
    buffer.set(at(3, 'a', 'b', pose(x=30.0)))
    assert buffer.lookup('a', 'b', 3).translation[0] == 30.0


def test_the_cache_is_bounded_behind_the_newest() -> None:
    buffer = TransformBuffer(cache_ns=10)
    for stamp in range(1, 31):
        assert buffer.set(at(stamp, 'a', 'b', pose(x=float(stamp))))
    assert buffer.lookup('a', 'b', 20).translation[0] == 20.0
    with pytest.raises(ExtrapolationError):
        buffer.lookup('a', 'b', 19)
    assert not buffer.set(at(19, 'a', 'b', pose()))
    assert buffer.set(at(20, 'a', 'b', pose()))


def test_a_frame_may_change_its_parent() -> None:
    buffer = TransformBuffer()
    buffer.set(at(0, 'room', 'table', pose(x=1.0)), static=True)
    buffer.set(at(0, 'room', 'hand', pose(x=5.0)), static=True)
    buffer.set(at(10, 'table', 'cup', pose(y=1.0)))
    buffer.set(at(20, 'table', 'cup', pose(y=2.0)))
    buffer.set(at(30, 'hand', 'cup', pose(y=3.0)))
    buffer.set(at(40, 'hand', 'cup', pose(y=4.0)))
    where = {t: buffer.lookup('room', 'cup', t).translation[:2].tolist() for t in (15, 25, 30, 35, 40)}
    # between two parents the older sample stands, as in tf2
    assert where == {15: [1.0, 1.5], 25: [1.0, 2.0], 30: [5.0, 3.0], 35: [5.0, 3.5], 40: [5.0, 4.0]}


def test_static_and_dynamic_may_change() -> None:
    buffer = TransformBuffer()
    buffer.set(at(5, 'a', 'b', pose(x=1.0)), static=True)
    buffer.set(at(10, 'a', 'b', pose(x=2.0)))
    with pytest.raises(ExtrapolationError):
        buffer.lookup('a', 'b', 5)
    buffer.set(at(0, 'a', 'b', pose(x=3.0)), static=True)
    assert buffer.lookup('a', 'b', 99).translation[0] == 3.0


def test_what_is_fixed_is_answered_anew_when_it_is_said_anew(robot: TransformBuffer) -> None:
    assert robot.lookup('lidar', 'camera', 2 * S) is robot.lookup('/lidar', 'camera', 7 * S)
    np.testing.assert_allclose(robot.lookup('lidar', 'camera', 2 * S).translation, [0.0, 1.0, 0.0])
    robot.set(at(0, 'base', 'camera', pose(y=0.75)), static=True)
    np.testing.assert_allclose(robot.lookup('lidar', 'camera', 2 * S).translation, [0.0, 1.25, 0.0])
    robot.set(at(5 * S, 'base', 'camera', pose(y=1.0)))  # it moves from now on
    np.testing.assert_allclose(robot.lookup('lidar', 'camera', 5 * S).translation, [0.0, 1.5, 0.0])
    with pytest.raises(ExtrapolationError):
        robot.lookup('lidar', 'camera', 6 * S)


def test_a_jump_of_time_forgets_what_moved(robot: TransformBuffer) -> None:
    robot.clear_dynamic()
    assert known_frames(robot) == 'base, camera, lidar'
    robot.lookup('lidar', 'camera', 7)
    with pytest.raises(UnknownFrameError):
        robot.lookup('odom', 'base', 2 * S)
    robot.set(at(1, 'odom', 'base', pose(x=7.0)))  # far older than the cache of the time before
    assert robot.lookup('odom', 'camera', 1).translation[0] == 7.0


@pytest.mark.parametrize(
    ('parent', 'child', 'transform', 'reason'),
    [
        ('base', 'odom', pose(), 'close a loop'),
        ('camera', 'map', pose(), 'close a loop'),
        ('base', 'base', pose(), 'two different frames'),
        ('', 'radar', pose(), 'two different frames'),
        ('base', '/', pose(), 'two different frames'),
        ('base', 'radar', pose(x=np.nan), 'not finite'),
    ],
)
def test_what_is_no_tree_is_refused(
    robot: TransformBuffer, parent: str, child: str, transform: RigidTransform, reason: str
) -> None:
    before = known_frames(robot)
    with pytest.raises(TransformError, match=reason):
        robot.set(at(2 * S, parent, child, transform))
    assert known_frames(robot) == before


def test_a_loop_that_late_samples_close_in_the_past_is_an_error_not_a_hang() -> None:
    buffer = TransformBuffer()
    buffer.set(at(50, 'a', 'b', pose()))
    buffer.set(at(100, 'c', 'b', pose()))
    buffer.set(at(100, 'b', 'a', pose()))  # fine at 100, where b is under c; at 50, b was under a
    with pytest.raises(TransformError, match='loop'):
        buffer.lookup('b', 'a', 60)


angles = st.floats(-3.1, 3.1)
metres = st.floats(-50, 50)
poses = st.builds(
    RigidTransform.from_xyz_rpy,
    st.tuples(metres, metres, metres),
    st.tuples(angles, angles, angles),
)


@settings(max_examples=60)
@given(st.lists(st.tuples(poses, st.booleans()), min_size=1, max_size=7), st.data())
def test_a_lookup_is_the_product_of_its_chain(
    edges: list[tuple[RigidTransform, bool]], data: st.DataObject
) -> None:
    """Frame 0 is the root; every further frame hangs under one drawn from those before."""
    buffer = TransformBuffer()
    root_from = [np.eye(4)]
    for child, (transform, static) in enumerate(edges, start=1):
        parent = data.draw(st.integers(0, child - 1))
        buffer.set(at(7, f'f{parent}', f'f{child}', transform), static=static)
        root_from.append(root_from[parent] @ matrix(transform))
    a, b = data.draw(st.integers(0, len(edges))), data.draw(st.integers(0, len(edges)))
    expected = np.linalg.inv(root_from[a]) @ root_from[b]
    a_from_b = matrix(buffer.lookup(f'f{a}', f'f{b}', 7))
    np.testing.assert_allclose(a_from_b, expected, atol=1e-9)
    np.testing.assert_allclose(matrix(buffer.lookup(f'f{b}', f'f{a}', 7)) @ a_from_b, np.eye(4), atol=1e-9)
