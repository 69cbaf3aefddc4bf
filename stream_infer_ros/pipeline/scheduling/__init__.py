"""What is run next, on what, and what is dropped for it: decisions without threads or clocks."""

from stream_infer_ros.pipeline.scheduling.cost_model import CostModel
from stream_infer_ros.pipeline.scheduling.earliest_deadline import EarliestDeadline
from stream_infer_ros.pipeline.scheduling.factory import make_schedule
from stream_infer_ros.pipeline.scheduling.newest_set import NewestSet
from stream_infer_ros.pipeline.scheduling.schedule import TAIL, Choice, Schedule
from stream_infer_ros.pipeline.scheduling.thinning import Thinning

__all__ = [
    'TAIL',
    'Choice',
    'CostModel',
    'EarliestDeadline',
    'NewestSet',
    'Schedule',
    'Thinning',
    'make_schedule',
]
