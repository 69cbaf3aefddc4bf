"""Matching frames of several cameras in time."""

from stream_infer_ros.sync.approximate_time import ApproximateTimeSynchronizer
from stream_infer_ros.sync.deadline import DeadlineSynchronizer
from stream_infer_ros.sync.exact import ExactSynchronizer
from stream_infer_ros.sync.factory import SYNCHRONIZERS, make_synchronizer
from stream_infer_ros.sync.frame_set import FrameSet, SetReason
from stream_infer_ros.sync.independent import IndependentStreams
from stream_infer_ros.sync.latest import LatestSynchronizer
from stream_infer_ros.sync.stream_clock import StreamClock
from stream_infer_ros.sync.synchronizer import Synchronizer

__all__ = [
    'SYNCHRONIZERS',
    'ApproximateTimeSynchronizer',
    'DeadlineSynchronizer',
    'ExactSynchronizer',
    'FrameSet',
    'IndependentStreams',
    'LatestSynchronizer',
    'SetReason',
    'StreamClock',
    'Synchronizer',
    'make_synchronizer',
]
