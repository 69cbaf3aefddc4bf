"""A network that is ready to run: its engines and its decoder."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import TracebackType

from stream_infer_ros.config import Config
from stream_infer_ros.inference.class_name_hint import unnamed_classes
from stream_infer_ros.inference.decoders import make_decoder, network_card
from stream_infer_ros.inference.engines import (
    EngineHealth,
    EngineSpec,
    EngineState,
    OnProgress,
    SupervisedEngine,
    choose_engine,
    instances,
    make_engine,
)
from stream_infer_ros.inference.model_card import user_card
from stream_infer_ros.resources import default_model

# The number of cameras to build engines for if it is not known.
MOST_CAMERAS = 8
_BAD = (EngineState.READY, EngineState.RESTARTED, EngineState.DOWN)


class Network:
    """A model on its engines. It is loaded on construction. As a context manager, it frees the engines.

    Args:
        config: the configuration of the pipeline.
        cameras: the number of cameras, for engines that are built for a largest batch.
        on_progress: called with the step and the progress (0 to 1) of a long build; returns False to stop it.

    Attributes:
        file: the model file; the shipped model if `model.file` is empty.
        kind: the kind of engine; the one that was chosen if `engine.kind` is `auto`.
        choice: the kind, and what was measured for it.
        engines: the supervised engines, `engine.instances` of them.
        decoder: the decoder, which the threads of all engines share.

    Raises ModelError, EngineError or ConfigError with the remedy.
    """

    def __init__(
        self, config: Config, cameras: int = MOST_CAMERAS, on_progress: OnProgress = lambda _, __: True
    ) -> None:
        self.file = Path(config.model.file) if config.model.file else default_model()
        spec = EngineSpec(
            config.engine,
            self.file,
            config.engine.max_batch or max(1, cameras),
            lambda io: network_card(config.model, io).normalisation,
            on_progress,
            user_card(config.model).input_size,
        )
        self.choice = choose_engine(spec)
        self.kind = self.choice.kind
        self.engines: tuple[SupervisedEngine, ...] = tuple(
            SupervisedEngine(make_engine(replace(spec, config=instance)))
            for instance in instances(config.engine, self.kind)
        )
        try:
            for engine in self.engines:
                engine.load()
            self.decoder = make_decoder(config.model, self.engines[0].io)
        except BaseException:
            self.close()
            raise

    def __str__(self) -> str:
        several = f', {len(self.engines)} instances' if len(self.engines) > 1 else ''
        return f'{self.file.name} on {self.kind}{several}'

    def limits(self, with_map: bool) -> str:
        """Describe the outputs that a model of this kind lacks, with a link; empty if it has all of them."""
        more = 'see "What a model gives" in docs/how-to/choose-a-model.md'
        if not self.decoder.gives_boxes:
            return f'{self.file.name} gives free ground but no boxes: detections stay empty; {more}'
        if with_map and not self.decoder.gives_free_space:
            return (
                f'{self.file.name} gives boxes but no free space: there are no scans, and the map shows '
                f'obstacles in unknown space, never free ground; {more}'
            )
        return ''

    def unnamed_classes(self) -> str:
        """Say that nothing names the classes, and how to name them; empty if they have names."""
        return unnamed_classes(self.decoder, self.file.name)

    def notes(self, with_map: bool) -> list[str]:
        """Return what the user must know at the start: what the model lacks."""
        return [words for words in (self.unnamed_classes(), self.limits(with_map)) if words]

    def health(self) -> EngineHealth:
        """Return the health of the worst engine, with the restarts of all. Callable from any thread."""
        healths = [engine.health() for engine in self.engines]
        worst = max(healths, key=lambda health: _BAD.index(health.state))
        return replace(worst, restarts=sum(health.restarts for health in healths))

    def down(self) -> int:
        """Return the number of engines that give no results any more. Callable from any thread."""
        return sum(engine.health().state is EngineState.DOWN for engine in self.engines)

    def close(self) -> None:
        """Free the engines. Safe to call twice."""
        for engine in self.engines:
            engine.close()

    def __enter__(self) -> Network:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
