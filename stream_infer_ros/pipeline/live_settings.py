"""The settings that can change while the pipeline runs, as one immutable value."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from stream_infer_ros.cameras.image_mask import CameraMask, read_mask
from stream_infer_ros.config import Config, SyncConfig
from stream_infer_ros.inference.decoders.thresholds import Thresholds

# A derived deadline of sets is at most this share of the bound.
LONGEST_WAIT = 0.6


@dataclass(frozen=True, slots=True)
class LiveSettings:
    """The live settings at one moment.

    Attributes:
        bound_ns: the latency bound, nanoseconds.
        sync: the settings of the synchronizer. `deadline_ms` is the derived one if the user set none.
        thresholds: the thresholds of the decoder.
        masks: camera -> the parts of its image that are ignored.
        overlay: True if overlays are drawn.
        diagnostics_period_ns: the time between two messages on /diagnostics, nanoseconds.
    """

    bound_ns: int
    sync: SyncConfig
    thresholds: Thresholds
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
        self._deadline_ms = config.sync.deadline_ns / 1e6
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

    def derive_deadline(self, deadline_ms: float) -> None:
        """Set the deadline of sets, which applies while `sync.deadline_ms` is 0."""
        with self._lock:
            self._deadline_ms = deadline_ms
            self._settings = self._with_deadline(self._settings)

    def _with_deadline(self, settings: LiveSettings) -> LiveSettings:
        if self._sync.deadline_ms:
            return settings
        deadline_ms = min(self._deadline_ms, LONGEST_WAIT * settings.bound_ns / 1e6)
        return replace(settings, sync=self._sync.model_copy(update={'deadline_ms': deadline_ms}))
