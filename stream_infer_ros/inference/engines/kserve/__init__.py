"""Served inference: the KServe v2 protocol."""

from stream_infer_ros.inference.engines.kserve.kserve_engine import KserveEngine

__all__ = ['KserveEngine']
