"""The doctor: observes a graph or a recording, and says what is wrong with it and what to do."""

from stream_infer_ros.doctor.examination import Examination, examine_live, examine_recording
from stream_infer_ros.doctor.findings import Finding, Severity

__all__ = ['Examination', 'Finding', 'Severity', 'examine_live', 'examine_recording']
