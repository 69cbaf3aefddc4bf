"""`stream_infer export-triton`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from stream_infer_ros.config import EngineConfig, ModelConfig
from stream_infer_ros.errors import ConfigError
from stream_infer_ros.inference.engines import EngineSpec, make_engine
from stream_infer_ros.inference.engines.kserve.triton_repository import Backend, write_repository
from stream_infer_ros.inference.model_card import user_card
from stream_infer_ros.resources import default_model


def export_triton(
    paths: Annotated[
        list[Path],
        typer.Argument(
            metavar='[MODEL] OUTPUT_DIR',
            help='ONNX file (by default the surround model), and the folder of the model repository.',
        ),
    ],
    backend: Annotated[
        Backend,
        typer.Option(
            help='Backend of the server. tensorrt is onnxruntime with the TensorRT accelerator, which '
            'builds the plan on the server. python is a model.py with onnxruntime or openvino.'
        ),
    ] = 'onnxruntime',
    name: Annotated[
        str, typer.Option(help='Name of the model on the server. By default the file name without suffix.')
    ] = '',
    max_batch: Annotated[
        int, typer.Option(min=1, help='Maximum number of images in a batch on the server.')
    ] = 16,
    instances: Annotated[
        int, typer.Option(min=1, help='Number of instances of the model on the server.')
    ] = 1,
    card: Annotated[
        str, typer.Option(help='Model card with the input_size, for a model with a variable input size.')
    ] = '',
) -> None:
    """Write a Triton model repository for the engine kserve."""
    *models, folder = paths
    if len(models) > 1:
        raise ConfigError(
            f'expected at most one model and a folder, got {len(paths)} paths; export one model at a time'
        )
    model = models[0] if models else default_model()
    said = user_card(ModelConfig(card=card))
    engine = make_engine(EngineSpec(EngineConfig(), model, input_size=said.input_size))
    try:
        engine.load()
        io = engine.io
    finally:
        engine.close()
    written = write_repository(
        folder, model, io, name=name, backend=backend, max_batch=max_batch, instances=instances
    )
    say = Console(soft_wrap=True, highlight=False).print
    say(f'{written}: model {written.name!r} for the {backend} backend; serve it with')
    say(f'  tritonserver --model-repository={folder.resolve()}')
    say('and give the node its address:')
    say(f'  engine: {{kind: kserve, kserve: {{endpoints: [grpc://HOST:8001], model: {written.name}}}}}')
