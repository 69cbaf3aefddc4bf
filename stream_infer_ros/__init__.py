"""Streaming inference for robots: many cameras become one picture, now."""

__version__ = '0.1.0'
