"""The settings that can change while the pipeline runs, as one immutable value."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from stream_infer_ros.cameras.image_mask import CameraMask, read_mask
from stream_infer_ros.config import Config, SyncConfig
from stream_infer_ros.config.tree import CameraOptions
from stream_infer_ros.inference.decoders.thresholds import Thresholds

# A derived deadline of sets is at most this share of the bound.
LONGEST_WAIT = 0.6


class DerivedDeadlines(SyncConfig):
    """The settings of the synchronizer if `deadline_ms` is 0: limits of the deadline that it derives.

    Attributes:
        usual_deadline_ms: sets wait at least this long for missing cameras.
        most_deadline_ms: sets wait at most this long, if frames need it.
    """

    usual_deadline_ms: float = 0.0
    most_deadline_ms: float = 0.0

    @property
    def deadline_ns(self) -> int:
        return round(self.usual_deadline_ms * 1e6)

    @property
    def longest_deadline_ns(self) -> int:
        return round(self.most_deadline_ms * 1e6)


@dataclass(frozen=True, slots=True)
class LiveSettings:
    """The live settings at one moment.

    Attributes:
        bound_ns: the latency bound, nanoseconds.
        sync: the settings of the synchronizer, see `DerivedDeadlines`.
        thresholds: the thresholds of the decoder.
        cameras: camera -> its options; cameras without options are left out.
        masks: camera -> the parts of its image that are ignored.
        overlay: True if overlays are drawn.
        diagnostics_period_ns: the time between two messages on /diagnostics, nanoseconds.
    """

    bound_ns: int
    sync: SyncConfig
    thresholds: Thresholds
    cameras: Mapping[str, CameraOptions]
    masks: Mapping[str, CameraMask]
    overlay: bool
    diagnostics_period_ns: int

    @classmethod
    def of(cls, config: Config, class_names: Sequence[str] = ()) -> LiveSettings:
        """Return the live settings of a configuration for a network with these class names.

        Raises ConfigError if they do not fit the network, or if a mask cannot be read.
        """
        return cls(
            round(config.bound_ms * 1e6),
            config.sync,
            Thresholds.of(config.model, class_names),
            config.camera,
            {name: read_mask(options.mask) for name, options in config.camera.items() if options.mask},
            config.publish.overlay,
            round(config.publish.diagnostics_period_s * 1e9),
        )


class CurrentSettings:
    """Holds the current `LiveSettings`. Call it to read them; every method can be called from any thread.

    A change replaces the whole value. Each step reads the value where it uses it, so that a change applies to
    the next message, set or run.

    Args:
        class_names: the class names of the network; empty without one.

    Raises ConfigError, on construction and on a change, as `LiveSettings.of` does.
    """

    def __init__(self, config: Config, class_names: Sequence[str] = ()) -> None:
        self._lock = threading.Lock()
        self._class_names = tuple(class_names)
        self._usual_ms = config.sync.deadline_ns / 1e6
        self._most_ms: float | None = None  # the bound, until the following steps were measured
        self._settings = LiveSettings.of(config, class_names)
        self.change(config)

    def __call__(self) -> LiveSettings:
        return self._settings

    def change(self, config: Config) -> None:
        """Use the live settings of `config` from now on."""
        settings = LiveSettings.of(config, self._class_names)
        with self._lock:
            self._sync = config.sync
            self._settings = self._with_deadline(settings)

    def derive_deadline(self, usual_ms: float, most_ms: float) -> None:
        """Set the limits of the deadline of sets, which apply while `sync.deadline_ms` is 0."""
        with self._lock:
            self._usual_ms, self._most_ms = usual_ms, most_ms
            self._settings = self._with_deadline(self._settings)

    def _with_deadline(self, settings: LiveSettings) -> LiveSettings:
        if self._sync.deadline_ms:
            return settings
        bound_ms = settings.bound_ns / 1e6
        usual_ms = min(self._usual_ms, LONGEST_WAIT * bound_ms)
        most_ms = bound_ms if self._most_ms is None else min(self._most_ms, bound_ms)
        limits = {'usual_deadline_ms': usual_ms, 'most_deadline_ms': max(usual_ms, most_ms)}
        return replace(settings, sync=DerivedDeadlines(**self._sync.model_dump(), **limits))
