"""The live settings of a decoder."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches

import numpy as np
from numpy.typing import NDArray

from stream_infer_ros.config import ModelConfig
from stream_infer_ros.config.model_tree import split_threshold
from stream_infer_ros.errors import ConfigError

# No score reaches the threshold of a class that is not published.
_NEVER = np.float32(np.inf)
_MOST_NAMES = 20


@dataclass(frozen=True, slots=True)
class Thresholds:
    """Settings that every call of `Decoder.decode` gets, so that they can change from one call to the next.

    Attributes:
        score: lowest score of a box that is published, 0..1.
        iou: largest intersection over union of two boxes of one class, 0..1. Above it, the box with the lower
            score is suppressed.
        by_class: (classes,) float32, lowest score of each class, infinite for a class that is not published;
            None if `score` applies to all classes.
    """

    score: float
    iou: float
    by_class: NDArray[np.float32] | None = field(default=None, compare=False)

    @classmethod
    def of(cls, config: ModelConfig, class_names: Sequence[str] = ()) -> Thresholds:
        """Return the thresholds of a configuration for a network with these class names.

        Raises ConfigError if `model.classes` or `model.class_thresholds` has a class that the network lacks.
        """
        return cls(config.score_threshold, config.nms_iou, _by_class(config, class_names))

    @property
    def lowest(self) -> float:
        """The lowest score that a box of any class needs."""
        return self.score if self.by_class is None else float(self.by_class.min())

    def passing(self, score: NDArray[np.float32]) -> NDArray[np.intp]:
        """Return the indices of the scores (A,) that reach the lowest threshold, and of those that are NaN.

        Decoders compute boxes for these rows only. Rows with NaN stay, so that `select` can count them.
        A score of 0 never passes: networks fill unused rows with zeros.
        """
        lowest = self.lowest
        if lowest > 0.0:
            return np.flatnonzero(~(score < np.float32(lowest)))
        return np.flatnonzero(~(score <= 0.0))


def _by_class(config: ModelConfig, class_names: Sequence[str]) -> NDArray[np.float32] | None:
    if not (config.classes or config.class_thresholds):
        return None
    lowest = np.full(max(1, len(class_names)), config.score_threshold, np.float32)
    for name, score in map(split_threshold, config.class_thresholds):
        lowest[_ids(name, class_names, 'model.class_thresholds')] = score
    if config.classes:
        published = [i for name in config.classes for i in _ids(name, class_names, 'model.classes')]
        lowest[np.setdiff1d(np.arange(len(lowest)), published)] = _NEVER
    return lowest


def _ids(name: str, class_names: Sequence[str], setting: str) -> list[int]:
    """Return the class_ids with this name, or the one that `name` is. Raises ConfigError if there is none."""
    named = [class_id for class_id, known in enumerate(class_names) if known == name]
    if named or (name.isdecimal() and int(name) < len(class_names)):
        return named or [int(name)]
    lower = {known.lower(): known for known in reversed(class_names)}
    close = get_close_matches(name.lower(), lower, 1)
    listed = ', '.join(class_names[:_MOST_NAMES]) + (', ...' if len(class_names) > _MOST_NAMES else '')
    raise ConfigError(
        f'expected classes of the network in {setting}, got {name!r}; '
        + (f'did you mean {lower[close[0]]!r}? ' if close else '')
        + f'The network has {len(class_names)} classes: {listed or "none"}'
    )
