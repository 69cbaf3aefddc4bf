"""From configuration to a policy, and what all policies refuse."""

import pytest
from sync_rig import MS, START, fixed, frame

from stream_infer_ros.errors import ConfigError
from stream_infer_ros.sync import SYNCHRONIZERS, DeadlineSynchronizer, make_synchronizer


def test_a_frame_of_an_unknown_camera() -> None:
    for policy in SYNCHRONIZERS:
        synchronizer = make_synchronizer(['front', 'left'], fixed(policy=policy))
        with pytest.raises(ConfigError, match=r"'rear'.*front, left"):
            synchronizer.add(frame('rear', START), START)


@pytest.mark.parametrize('cameras', [[], ['a', 'b', 'a']])
def test_cameras_must_be_named_once(cameras: list[str]) -> None:
    for policy in SYNCHRONIZERS:
        with pytest.raises(ConfigError, match='each named once'):
            make_synchronizer(cameras, fixed(policy=policy))


def test_milliseconds_of_the_configuration() -> None:
    settings = fixed(deadline_ms=12.5, slop_ms=3.0, camera_timeout_ms=200.0)
    synchronizer = make_synchronizer('ab', settings)
    assert isinstance(synchronizer, DeadlineSynchronizer)
    assert synchronizer.slop_ns == 3 * MS
    for camera in 'ab':
        synchronizer.add(frame(camera, START), START)
    synchronizer.add(frame('a', START + 100 * MS), START + 100 * MS)
    assert synchronizer.next_deadline_ns() == START + 112_500_000


def test_a_policy_that_only_a_ros_node_has() -> None:
    assert 'message_filters' not in SYNCHRONIZERS
    with pytest.raises(ConfigError, match=r'deadline, .*message_filters came, which runs inside a ROS node'):
        make_synchronizer('ab', fixed(policy='message_filters'))
