"""How many camera streams are held under a latency bound: measured open loop, through the real middleware."""

from stream_infer_ros.capacity.floor import Floor, measure_floor
from stream_infer_ros.capacity.options import TrialOptions
from stream_infer_ros.capacity.search import most_held
from stream_infer_ros.capacity.tally import Tally, TrialResult
from stream_infer_ros.capacity.trial import Bench

__all__ = [
    'Bench',
    'Floor',
    'Tally',
    'TrialOptions',
    'TrialResult',
    'measure_floor',
    'most_held',
]
