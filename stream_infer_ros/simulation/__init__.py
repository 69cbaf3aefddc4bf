"""A synthetic yard with cameras, and the truth about it."""

from stream_infer_ros.simulation.catalogue import CLASS_NAMES
from stream_infer_ros.simulation.pacing import PaceReport
from stream_infer_ros.simulation.render import RenderedView, render, visible_objects
from stream_infer_ros.simulation.rig import SimCamera, surround_rig
from stream_infer_ros.simulation.schedule import DeadWindow, Exposure, Timing, schedule
from stream_infer_ros.simulation.simulate import SimulationOptions, options_of, simulate
from stream_infer_ros.simulation.truth_boxes import TruthBoxes, truth_boxes
from stream_infer_ros.simulation.truth_columns import truth_columns
from stream_infer_ros.simulation.world import World, WorldState

__all__ = [
    'CLASS_NAMES',
    'DeadWindow',
    'Exposure',
    'PaceReport',
    'RenderedView',
    'SimCamera',
    'SimulationOptions',
    'Timing',
    'TruthBoxes',
    'World',
    'WorldState',
    'options_of',
    'render',
    'schedule',
    'simulate',
    'surround_rig',
    'truth_boxes',
    'truth_columns',
    'visible_objects',
]
