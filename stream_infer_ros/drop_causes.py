"""The causes of lost frames: the names that statistics, /diagnostics, reports and the documentation use."""

from __future__ import annotations

from enum import Enum


class _Cause(str, Enum):
    """A cause, equal to its name as a string.

    Attributes:
        meaning: one sentence: what happened to the frame.
        remedy: one sentence: what the user can do about it.
    """

    meaning: str
    remedy: str

    def __new__(cls, name: str, meaning: str, remedy: str) -> _Cause:
        member = str.__new__(cls, name)
        member._value_ = name
        member.meaning = meaning
        member.remedy = remedy
        return member

    # The str() and format() of an enum that is also a string differ between Python versions.
    def __str__(self) -> str:
        return str.__str__(self)

    def __format__(self, format_spec: str) -> str:
        return str.__format__(self, format_spec)


class DropCause(_Cause):
    """Why a frame gave no detections."""

    INBOX_FULL = (
        'inbox_full',
        'The frame waited in the queue behind the subscription until newer frames pushed it out.',
        'Use fewer cameras, lower rates or smaller images: the machine has no time to receive all images.',
    )
    MALFORMED = (
        'malformed',
        'The message could not be decoded.',
        'Read the message of the status of this camera on /diagnostics and correct the publisher.',
    )
    MIDDLEWARE = (
        'middleware',
        'The middleware reported that it lost the message on the way.',
        'Follow the remedy that /diagnostics names, such as larger socket buffers or shared memory.',
    )
    LATE = (
        'late',
        'The frame arrived after its set had left, or it was too old to be processed within the bound.',
        'Increase sync.deadline_ms or bound_ms, or make transport and inference faster.',
    )
    DUPLICATE = (
        'duplicate',
        'A frame of this camera with the same stamp had arrived before.',
        'Look for a second publisher on the image topic, or for a driver that repeats images.',
    )
    FUTURE = (
        'future',
        'The frame was given to a synchronizer more than half a second before its stamp.',
        'Read the problem `clock` of the camera on /diagnostics: it names the likely cause and its remedy.',
    )
    JUMP = (
        'jump',
        'Time jumped back (for example, a recording was restarted) while the frame waited for its set.',
        'Nothing is wrong if a recording or a simulation was restarted; otherwise check the clocks.',
    )
    OVERFLOW = (
        'overflow',
        'The queue of the synchronizer was full.',
        'Check whether a camera is silent, or increase sync.queue_size.',
    )
    UNMATCHED = (
        'unmatched',
        'The policy made a set without the frame.',
        'This is normal for cameras of different rates; otherwise call the service explain_sync of the node.',
    )
    SUPERSEDED = (
        'superseded',
        'A newer frame or set replaced the frame before it was processed.',
        'Use fewer or smaller images or a faster engine, if this happens often.',
    )
    THINNED = (
        'thinned',
        'The load was too high for a long time, so the scheduler left out frames of less important streams.',
        'Reduce the load, or give the camera a higher priority.',
    )
    UNDECODABLE = (
        'undecodable',
        'The pixels of the image could not be decoded.',
        'Read the message of the status of this camera on /diagnostics; it names the encoding.',
    )
    NO_RESULT = (
        'no_result',
        'The engine gave no result for the batch, or not in time.',
        'Check the inference server and the network in between; the log names the reason.',
    )
    ENGINE_DOWN = (
        'engine_down',
        'The engine failed, was restarted, and failed again.',
        'Read the status of the engine on /diagnostics, remove the cause, and restart the node.',
    )


class NotMappedCause(_Cause):
    """Why a frame whose detections were published is missing from the map."""

    LATE = (
        'late',
        'Fusing was too slow: a newer set was ready before the set of the frame was fused into the map.',
        'Reduce the load, or use a smaller or coarser map.',
    )
    NO_CAMERA_INFO = (
        'no_camera_info',
        'No CameraInfo was received for the camera, or it was for another image size.',
        'Check that the driver publishes a calibration beside the images, of the same size.',
    )
    NO_TRANSFORM = (
        'no_transform',
        'The transform between the map frame and the camera frame was not available for the stamp.',
        'Check that robot_state_publisher and odometry run, and that frame_id names a frame of TF.',
    )
    NO_GROUND = (
        'no_ground',
        'By its geometry, the camera sees no ground within the map, is in the ground, or is upside down.',
        'Follow the remedy in the status of this camera on /diagnostics: correct frame_id or the transform.',
    )
