"""All errors of this package.

StreamInferError
├── ConfigError            a setting is missing, unknown or out of range
├── MessageError           a byte string is not a valid message of its type
│   └── EncodingError      an image encoding is unknown, or does not match the image
├── CalibrationError       a CameraInfo does not describe a supported camera
├── TransformError         a transform is not available for that time
│   ├── UnknownFrameError      a frame is unknown, or not connected to the other one
│   └── ExtrapolationError     the time is outside the buffer
├── ModelError             a model file is missing or invalid, or its family is unknown
├── EngineError            an inference runtime is missing or failed
│   ├── EngineDown             the engine failed again after a restart and is no longer used
│   └── InferenceMissed        one batch has no result (too late, or no server answers); the engine goes on
├── GraphError             the middleware reported an error, or is not installed
│   └── BagError           a recording is missing, cannot be read, or cannot be written
└── WorldError             the options of the simulated world are invalid

Every message says what was expected, what was found, and what to do.
"""


class StreamInferError(Exception):
    """The base class of all errors of this package."""


class ConfigError(StreamInferError):
    """A setting is missing, unknown or out of range."""


class MessageError(StreamInferError):
    """A byte string is not a valid message of its type."""


class EncodingError(MessageError):
    """An image encoding is unknown, or does not match the image."""


class CalibrationError(StreamInferError):
    """A CameraInfo does not describe a supported camera."""


class TransformError(StreamInferError):
    """A transform is not available for that time."""


class UnknownFrameError(TransformError):
    """A frame is unknown, or not connected to the other one."""


class ExtrapolationError(TransformError):
    """The time is outside the buffer.

    Attributes:
        newest_ns: the newest stamp of the transform that does not cover the time, in nanoseconds.
    """

    def __init__(self, message: str, newest_ns: int) -> None:
        super().__init__(message)
        self.newest_ns = newest_ns


class ModelError(StreamInferError):
    """A model file is missing or invalid, or its family is unknown."""


class EngineError(StreamInferError):
    """An inference runtime is missing or failed."""


class EngineDown(EngineError):
    """The engine failed again after a restart and is no longer used."""


class InferenceMissed(EngineError):
    """One batch has no result, because it was too late or no server answers. The engine goes on."""


class GraphError(StreamInferError):
    """The middleware reported an error, or is not installed."""


class BagError(GraphError):
    """A recording is missing, cannot be read, or cannot be written."""


class WorldError(StreamInferError):
    """The options of the simulated world are invalid."""
