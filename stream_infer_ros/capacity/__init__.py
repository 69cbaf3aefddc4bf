"""The number of camera streams inside a latency bound, measured open loop through the middleware."""

from stream_infer_ros.capacity.ideal_capacity import IdealCapacity, measure_ideal_capacity
from stream_infer_ros.capacity.options import TrialOptions
from stream_infer_ros.capacity.search import most_held
from stream_infer_ros.capacity.tally import Tally, TrialResult
from stream_infer_ros.capacity.trial import Bench

__all__ = [
    'Bench',
    'IdealCapacity',
    'Tally',
    'TrialOptions',
    'TrialResult',
    'measure_ideal_capacity',
    'most_held',
]
