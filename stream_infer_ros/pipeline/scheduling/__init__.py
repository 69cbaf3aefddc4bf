"""Decides which frames are run next, and which are dropped for them, without threads or clocks."""

from stream_infer_ros.pipeline.scheduling.cost_model import CostModel
from stream_infer_ros.pipeline.scheduling.earliest_deadline import EarliestDeadline
from stream_infer_ros.pipeline.scheduling.factory import make_schedule
from stream_infer_ros.pipeline.scheduling.latency_budget import LatencyBudget
from stream_infer_ros.pipeline.scheduling.newest_set import NewestSet
from stream_infer_ros.pipeline.scheduling.schedule import TAIL, Budget, Choice, Job, Schedule
from stream_infer_ros.pipeline.scheduling.thinning import Thinning

__all__ = [
    'TAIL',
    'Budget',
    'Choice',
    'CostModel',
    'EarliestDeadline',
    'Job',
    'LatencyBudget',
    'NewestSet',
    'Schedule',
    'Thinning',
    'make_schedule',
]
