"""Recognising that the boxes of a network are nonsense, as they are with a wrong family or card."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from stream_infer_ros.inference.decoders import Decoder, Thresholds
from stream_infer_ros.inference.decoders.box_decoder import BoxDecoder
from stream_infer_ros.inference.decoders.box_selection import MOST_BOXES
from stream_infer_ros.inference.decoders.decoder import Outputs
from stream_infer_ros.inference.detections import Perception
from stream_infer_ros.inference.letterbox import Letterbox

# Images with boxes after which they are judged.
WINDOW = 60
# Nearly all boxes must be of one kind. In images of the world, there is always another one.
_NEARLY_ALL = 0.95
_TINY_PX = 2.0
_WHOLE = 0.98
_CERTAIN = 0.995
_MANY_BOXES = 10.0
_LEAST_THRESHOLD = 0.1

# After so many images without a box, one is looked at with a threshold of 0.
_IMAGES_PER_LOOK = 20
_LOOKS = 5
NOTHING = 1e-3
# Standard deviation of grey values. A dark or covered camera shows nothing that could have a score.
_LEAST_CONTRAST = 12.0


@dataclass(slots=True)
class _Counts:
    """Sums over images that have boxes, or had boxes that were left out."""

    images: int = 0
    boxes: int = 0
    tiny: int = 0
    whole: int = 0
    certain: int = 0
    outside: int = 0
    invalid: int = 0
    cameras: set[str] = field(default_factory=set)
    classes: set[int] = field(default_factory=set)


class BoxWatch:
    """Judges the boxes of all images, in constant memory. Every method can be called from any thread.

    One large object, small objects far away, or an empty scene are no nonsense. Nearly all boxes of many
    images must have one of these faults:

    - They are smaller than two network pixels.
    - They cover the whole image, in several cameras or for several classes.
    - They lie outside of the image.
    - Their values are invalid.
    - There are many with a score of 1.

    If no image has a box, the best scores of several images with contrast must be practically zero.

    Args:
        window: number of images with boxes after which they are judged.
    """

    def __init__(self, window: int = WINDOW) -> None:
        self._window = window
        self._lock = threading.Lock()
        self._counts = _Counts()
        self._problem = ''
        self._empty = 0
        self._looks = 0
        self._best = 0.0
        self._answers = False

    @property
    def problem(self) -> str:
        """A description of the fault of the boxes; empty if they are plausible."""
        return self._problem

    def add(self, camera: str, seen: Perception, letterbox: Letterbox, threshold: float) -> None:
        """Take the boxes of one image, which have scores of at least `threshold`."""
        detections = seen.detections
        found = len(detections)
        if not (found or seen.outside or seen.invalid):
            self._empty += 1
            return
        with self._lock:
            counts = self._counts
            counts.images += 1
            counts.boxes += found
            counts.outside += seen.outside
            counts.invalid += seen.invalid
            if found:
                self._empty, self._looks = 0, 0
                size = detections.xyxy[:, 2:] - detections.xyxy[:, :2]
                scale = (letterbox.scale_u, letterbox.scale_v)
                whole = (_WHOLE * letterbox.source_width, _WHOLE * letterbox.source_height)
                counts.tiny += int(np.count_nonzero((size * scale < _TINY_PX).all(axis=1)))
                counts.whole += int(np.count_nonzero((size > whole).all(axis=1)))
                counts.certain += int(np.count_nonzero(detections.score >= _CERTAIN))
                counts.cameras.add(camera)
                counts.classes.update(detections.class_id[:5].tolist())
            if counts.images >= self._window:
                self._problem = _judge(counts, threshold)
                self._counts = _Counts()

    def judge(self, threshold: float) -> str:
        """Judge the images so far, however few, and return the problem."""
        with self._lock:
            self._problem = self._problem or _judge(self._counts, threshold)
        return self._problem

    def wants_look(self) -> bool:
        """True if the best score of the next image is wanted, because many images had no box."""
        return self._empty >= _IMAGES_PER_LOOK and not self._answers

    def look(
        self, decoder: Decoder, outputs: Outputs, letterbox: Letterbox, picture: NDArray[np.uint8]
    ) -> None:
        """Find the best score of an image without a threshold.

        Args:
            decoder, outputs, letterbox: the network's, for one image.
            picture: the picture that the network got.
        """
        (everything,) = decoder.decode(outputs, [letterbox], Thresholds(0.0, 1.0))
        best = float(everything.detections.score.max(initial=0.0))
        with self._lock:
            self._empty = 0
            if best >= NOTHING or (best == 0.0 and selects_boxes_itself(decoder)):
                # The network answers to images, so that its silence says that there is nothing.
                self._answers, self._problem = True, ''
            elif float(picture[::4, ::4].std()) >= _LEAST_CONTRAST:
                self._looks += 1
                self._best = max(self._best, best)
                if self._looks >= _LOOKS:
                    self._problem = (
                        f'no image has a box, and the best score of all boxes is {self._best:.2g}: '
                        f'the scores are always nearly 0'
                    )


def selects_boxes_itself(decoder: Decoder) -> bool:
    """True if the network may select its boxes itself: it then returns none, or zeros, for an empty scene."""
    return not (isinstance(decoder, BoxDecoder) and decoder.suppresses)


def _judge(counts: _Counts, threshold: float) -> str:
    """Return what is odd about the boxes; empty if nothing is."""
    boxes = counts.boxes
    per_image = boxes / max(1, counts.images)
    several = max(len(counts.cameras), len(counts.classes)) > 1

    def nearly_all(number: int, total: int = boxes) -> bool:
        return total > 0 and number >= _NEARLY_ALL * total

    odd = {
        'nearly all boxes are invalid: scores above 1, or numbers that are not finite': nearly_all(
            counts.invalid, boxes + counts.outside + counts.invalid
        ),
        'nearly all boxes lie outside of the image': nearly_all(counts.outside, boxes + counts.outside),
        'nearly all boxes are smaller than 2 pixels of the network': nearly_all(counts.tiny),
        'nearly all boxes cover the whole image': nearly_all(counts.whole) and several,
        f'nearly all of the {per_image:.0f} boxes of an image have a score of 1': (
            nearly_all(counts.certain) and per_image >= _MANY_BOXES
        ),
        f'each image has about {per_image:.0f} boxes, and at most {MOST_BOXES} are published': (
            per_image >= _NEARLY_ALL * MOST_BOXES and threshold >= _LEAST_THRESHOLD
        ),
    }
    return next((words for words, is_so in odd.items() if is_so), '')
