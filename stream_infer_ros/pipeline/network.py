"""An engine with its decoder: a network that is ready to look at pictures."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType

from stream_infer_ros.config import Config
from stream_infer_ros.inference.decoders import card_of, make_decoder
from stream_infer_ros.inference.engines import (
    EngineSpec,
    OnProgress,
    SupervisedEngine,
    engine_kind,
    make_engine,
)
from stream_infer_ros.resources import default_model

# Where nobody says how many there will be.
MOST_CAMERAS = 8


class Network:
    """Loaded on construction; a context manager that frees the engine.

    Args:
        config: whole.
        cameras: how many there will be, for engines that are built for a largest batch.
        on_progress: hears how far a long build is.

    Attributes:
        file: of the model, the shipped one unless `model.file` names another.
        kind: of the engine; where `auto` was asked for, what it chose.
        engine, decoder: see their contracts; the engine is supervised.

    Raises ModelError, EngineError or ConfigError with the remedy.
    """

    def __init__(
        self, config: Config, cameras: int = MOST_CAMERAS, on_progress: OnProgress = lambda _, __: True
    ) -> None:
        self.file = Path(config.model.file) if config.model.file else default_model()
        self.kind = engine_kind(config.engine, self.file)
        spec = EngineSpec(
            config.engine.model_copy(update={'kind': self.kind}),
            self.file,
            config.engine.max_batch or max(1, cameras),
            lambda io: card_of(config.model, io).normalisation,
            on_progress,
        )
        self.engine = SupervisedEngine(make_engine(spec))
        try:
            self.engine.load()
            self.decoder = make_decoder(config.model, self.engine.io)
        except BaseException:
            self.engine.close()
            raise

    def __str__(self) -> str:
        return f'{self.file.name} on {self.kind}'

    def close(self) -> None:
        """Free the engine. Safe to call twice."""
        self.engine.close()

    def __enter__(self) -> Network:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
