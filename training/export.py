"""`python -m training.export`: write the averaged network of a checkpoint as ONNX or torch program (.pt2)."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import onnx
import torch

from training import CLASS_NAMES, HEIGHT, STRIDE, WIDTH
from training.deployed import OUTPUT_SHAPES, DeployedNet
from training.network import SurroundNet

METADATA = {
    'family': 'surround',
    'class_names': ','.join(CLASS_NAMES),
    'stride': str(STRIDE),
    'input_colour': 'rgb',
}
MAX_BYTES = 4_000_000
OPSET = 18


def export(network: SurroundNet, path: Path) -> None:
    """Write `network` with its post-processing and a variable batch size to a single ONNX file."""
    program = torch.onnx.export(
        DeployedNet(network).eval(),
        (torch.zeros(2, HEIGHT, WIDTH, 3, dtype=torch.uint8),),
        dynamo=True,
        dynamic_shapes={'images': {0: torch.export.Dim('batch')}},
        input_names=['images'],
        output_names=list(OUTPUT_SHAPES),
        opset_version=OPSET,
        verbose=False,
    )
    model = program.model_proto
    # Remove the source location of each operation: half a megabyte that includes local paths.
    for node in model.graph.node:
        del node.metadata_props[:]
        node.doc_string = ''
    for value in [*model.graph.value_info, *model.graph.input, *model.graph.output]:
        del value.metadata_props[:]
    del model.metadata_props[:]
    del model.graph.metadata_props[:]
    onnx.helper.set_model_props(model, METADATA)
    onnx.checker.check_model(model, full_check=True)
    onnx.save(model, path)


def export_program(network: SurroundNet, path: Path) -> None:
    """Write the same as an exported program with the names of its outputs, for the torch engine."""
    program = torch.export.export(
        DeployedNet(network).eval(),
        (torch.zeros(2, HEIGHT, WIDTH, 3, dtype=torch.uint8),),
        dynamic_shapes={'images': {0: torch.export.Dim('batch')}},
    )
    description = {'outputs': list(OUTPUT_SHAPES), 'metadata': METADATA}
    torch.export.save(program, path, extra_files={'stream_infer.json': json.dumps(description)})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--checkpoint', type=Path, default=Path('training/out/checkpoint.pt'))
    parser.add_argument('--model', type=Path, default=Path('models/surround.onnx'), help='file to write')
    options = parser.parse_args()
    network = SurroundNet()
    network.load_state_dict(torch.load(options.checkpoint, weights_only=True)['average'])
    write = export_program if options.model.suffix == '.pt2' else export
    write(network, options.model)
    size = options.model.stat().st_size
    print(f'{options.model}: {size / 1e6:.2f} MB')
    if size > MAX_BYTES:
        raise SystemExit(f'expected at most {MAX_BYTES} bytes, got {size}: make the network smaller')


if __name__ == '__main__':
    main()
