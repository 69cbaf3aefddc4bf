"""The errors of this package, all of them.

StreamInferError
├── ConfigError            a setting is missing, unknown or out of range
├── MessageError           a byte string is no valid message of its type
│   └── EncodingError      an image encoding is unknown, or does not fit the image it came with
├── CalibrationError       a CameraInfo describes no camera we can use
├── TransformError         a transform cannot be had for that time
│   ├── UnknownFrameError      the frame is not in the tree, or not connected to the other
│   └── ExtrapolationError     the time lies outside what the buffer holds
├── ModelError             a network file is missing, broken, or of no family we know
├── EngineError            an inference runtime is missing, or failed while running
│   ├── EngineDown             it failed, was started again and failed again; nothing is run any more
│   └── InferenceMissed        one batch has no result (too late, or no server answers now); the next may
├── GraphError             the middleware refused, or is not installed
│   └── BagError           a recording is missing, unreadable, or cannot be written
└── WorldError             a simulated world was asked for something it cannot be

Every message says what was expected, what came, and what to do about it.
"""


class StreamInferError(Exception):
    """Root of every error this package raises on purpose."""


class ConfigError(StreamInferError):
    """A setting is missing, unknown or out of range."""


class MessageError(StreamInferError):
    """A byte string is no valid message of its type."""


class EncodingError(MessageError):
    """An image encoding is unknown, or does not fit the image it came with."""


class CalibrationError(StreamInferError):
    """A CameraInfo describes no camera we can use."""


class TransformError(StreamInferError):
    """A transform cannot be had for that time."""


class UnknownFrameError(TransformError):
    """The frame is not in the tree, or not connected to the other."""


class ExtrapolationError(TransformError):
    """The time lies outside what the buffer holds."""


class ModelError(StreamInferError):
    """A network file is missing, broken, or of no family we know."""


class EngineError(StreamInferError):
    """An inference runtime is missing, or failed while running."""


class EngineDown(EngineError):
    """An engine failed, was started again and failed again: nothing is run any more."""


class InferenceMissed(EngineError):
    """One batch has no result: it came too late, or no server answers right now. The engine goes on."""


class GraphError(StreamInferError):
    """The middleware refused, or is not installed."""


class BagError(GraphError):
    """A recording is missing, unreadable, or cannot be written."""


class WorldError(StreamInferError):
    """A simulated world was asked for something it cannot be."""
