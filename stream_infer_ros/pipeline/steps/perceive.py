"""The steps around one engine: letterbox, run, decode."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Protocol

import numpy as np

from stream_infer_ros.cameras.frame import Frame
from stream_infer_ros.cameras.image_mask import CameraMask, FittedMask, ImageMask
from stream_infer_ros.drop_causes import DropCause
from stream_infer_ros.errors import EncodingError, EngineDown, EngineError
from stream_infer_ros.inference.batch import Batch
from stream_infer_ros.inference.box_watch import BoxWatch
from stream_infer_ros.inference.engines import EngineState
from stream_infer_ros.inference.engines.engine import Outputs, Picture
from stream_infer_ros.inference.input_packing import ImageInput
from stream_infer_ros.inference.letterbox import Letterbox
from stream_infer_ros.inference.masked_perception import masked
from stream_infer_ros.pipeline.camera_state import CameraState
from stream_infer_ros.pipeline.health.statistics import Statistics
from stream_infer_ros.pipeline.live_settings import CurrentSettings
from stream_infer_ros.pipeline.network import Network
from stream_infer_ros.pipeline.results import PerceivedImage


class Perceiver(Protocol):
    """Finds out what the frames of a job show. Used by one thread.

    The steps are iterators that pull from each other: each works on one image at a time, when it is asked for
    the next. What passes between them is the implementation's own.
    """

    @property
    def is_down(self) -> bool:
        """True if it gives no results any more. Callable from any thread."""
        ...

    @property
    def restarts(self) -> int:
        """The number of times its engine was restarted."""
        ...

    def letterbox(self, frames: Sequence[Frame]) -> Any:
        """Return an iterable of pictures, one for each frame that can be decoded, in order."""
        ...

    def run(self, pictures: Iterable[Any], within_s: float) -> Iterator[Any]:
        """Yield the outputs for each picture. Raises InferenceMissed and EngineDown as an engine does."""
        ...

    def decode(self, outputs: Iterable[Any], pictures: Any) -> Iterator[PerceivedImage]:
        """Yield what each picture shows. `pictures` is what `letterbox` returned."""
        ...

    def count_lost(self, pictures: Any, results: int, error: EngineError) -> None:
        """Count the frames after the first `results` pictures as lost because of `error`."""
        ...


class NetworkPerceiver:
    """A network on one engine, and the memory of its pictures.

    Args:
        network: the engines and the decoder.
        instance: which of the engines it runs on.
        cameras: all cameras; a job has at most one frame of each.
        boxes: judges the boxes of all images.
    """

    def __init__(
        self,
        network: Network,
        instance: int,
        cameras: Sequence[CameraState],
        settings: CurrentSettings,
        statistics: Statistics,
        boxes: BoxWatch | None = None,
    ) -> None:
        self._boxes = boxes or BoxWatch()
        self._engine = network.engines[instance]
        self._decoder = network.decoder
        self._batch = Batch.of(len(cameras), ImageInput.of(self._engine.io), network.decoder.card)
        self._cameras = {camera.name: camera for camera in cameras}
        self._settings = settings
        self._statistics = statistics

    @property
    def is_down(self) -> bool:
        return self._engine.health().state is EngineState.DOWN

    @property
    def restarts(self) -> int:
        return self._engine.health().restarts

    def warm_up(self) -> None:
        """Run the engine once on empty pictures: the first run of a runtime is many times slower."""
        blank = Frame('', 0, 0, np.zeros((2, 2, 3), np.uint8), 'rgb8', '')
        self._batch.clear()
        for _ in self._engine.run([self._batch.write(blank) for _ in range(self._batch.capacity)]):
            pass

    def letterbox(self, frames: Sequence[Frame]) -> Pictures:
        return Pictures(frames, self._batch, self._cameras, self._statistics)

    def run(self, pictures: Iterable[Picture], within_s: float) -> Iterator[Outputs]:
        return self._engine.run(pictures, within_s)

    def decode(self, outputs: Iterable[Outputs], pictures: Pictures) -> Iterator[PerceivedImage]:
        settings = self._settings()
        for index, output in enumerate(outputs):
            frame, letterbox = pictures.frames[index], pictures.letterboxes[index]
            (perception,) = self._decoder.decode(output, [letterbox], settings.thresholds)
            self._boxes.add(frame.camera, perception, letterbox, settings.thresholds.lowest)
            if self._decoder.gives_boxes and self._boxes.wants_look():
                self._boxes.look(self._decoder, output, letterbox, pictures.picture(index))
            camera = self._cameras[frame.camera]
            camera.note('engine', '')
            size = (letterbox.source_width, letterbox.source_height)
            mask = _mask(camera, size, settings.masks.get(camera.name))
            if mask is not None:
                perception = masked(perception, mask)
            yield PerceivedImage(frame, size, perception, mask=mask)

    def count_lost(self, pictures: Pictures, results: int, error: EngineError) -> None:
        cause = DropCause.ENGINE_DOWN if isinstance(error, EngineDown) else DropCause.NO_RESULT
        for frame in pictures.without_result(results):
            self._statistics.lost(cause, frame.camera)
            self._cameras[frame.camera].note('engine', str(error))


def _mask(camera: CameraState, size: tuple[int, int], wanted: CameraMask | None) -> ImageMask | None:
    """Return the ignored pixels of an image of this size, and note what is wrong with the mask."""
    mask, problem = FittedMask(None) if wanted is None else wanted.fitted(*size)
    camera.masked = 0.0 if mask is None else mask.share
    camera.note('mask', problem)
    return mask


class Pictures:
    """Letterboxes frames into the memory of a batch, each when it is asked for.

    A frame whose pixels cannot be decoded is counted as `undecodable` and left out.

    Attributes:
        frames: the frames of the pictures so far.
    """

    def __init__(
        self,
        frames: Sequence[Frame],
        batch: Batch,
        cameras: Mapping[str, CameraState],
        statistics: Statistics,
    ) -> None:
        batch.clear()
        self.frames: list[Frame] = []
        self._waiting = iter(frames)
        self._batch = batch
        self._cameras = cameras
        self._statistics = statistics

    @property
    def letterboxes(self) -> Sequence[Letterbox]:
        """The geometry of the pictures so far."""
        return self._batch.letterboxes

    def picture(self, index: int) -> Picture:
        """Return the picture of a frame, as the network got it."""
        picture: Picture = self._batch.images[index]
        return picture

    def __iter__(self) -> Iterator[Picture]:
        for frame in self._waiting:
            camera = self._cameras[frame.camera]
            try:
                picture = self._batch.write(frame)
            except EncodingError as error:
                self._statistics.lost(DropCause.UNDECODABLE, frame.camera)
                camera.image_log.refuse(str(error))
                camera.note('pixels', str(error))
                continue
            camera.note('pixels', '')
            self.frames.append(frame)
            yield picture

    def without_result(self, results: int) -> list[Frame]:
        """Return the frames that have no result if only the first `results` pictures have one."""
        return [*self.frames[results:], *self._waiting]
