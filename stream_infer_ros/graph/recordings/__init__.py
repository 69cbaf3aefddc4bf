"""Reading of recordings: MCAP, sqlite3 and ROS 1, intact or damaged."""

from stream_infer_ros.graph.recordings.reader import BagReader, RecordedMessages
from stream_infer_ros.graph.recordings.storage import RecordingProblem

__all__ = ['BagReader', 'RecordedMessages', 'RecordingProblem']
