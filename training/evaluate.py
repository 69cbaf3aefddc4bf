"""`python -m training.evaluate`: score a model file on unseen worlds, with our engine and decoder."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path

import cv2
import numpy as np

from stream_infer_ros.config import EngineConfig, ModelConfig
from stream_infer_ros.evaluation.column_scores import ColumnScores
from stream_infer_ros.evaluation.detection_scores import DetectionScores
from stream_infer_ros.inference import Perception, Thresholds, fit, make_decoder, make_engine
from stream_infer_ros.inference.engines import EngineSpec
from training import CLASS_NAMES, HEIGHT, WIDTH
from training.dataset import Dataset
from training.labels import Labels
from training.scenes import KIND_NAMES, Picture, pictures

NEAR_M = 10.0
LOWEST_SCORE = 0.02  # average precision needs the whole curve
GROUND_PROBABILITY = 0.5


class Scores:
    """The scores on the model card, for one kind of image."""

    def __init__(self, ignore_iou: float):
        self.every = DetectionScores(CLASS_NAMES, ignore_iou=ignore_iou)
        self.near = DetectionScores(CLASS_NAMES, ignore_iou=ignore_iou)
        self.columns = ColumnScores()
        self.pictures, self.ground_both, self.ground_either = 0, 0, 0

    def add(self, perception: Perception, labels: Labels) -> None:
        counted = labels.counted()
        near = counted & (labels.distance_m <= NEAR_M)
        for scores, selected in ((self.every, counted), (self.near, near)):
            scores.add(perception.detections, labels.boxes, labels.class_id, selected, labels.contact)
        self.columns.add(perception.free_space.boundary_v, labels.column_row, labels.column_obstacle)
        predicted = perception.free_space.ground > GROUND_PROBABILITY
        true = labels.ground > 255 * GROUND_PROBABILITY
        self.pictures += 1
        self.ground_both += int((predicted & true).sum())
        self.ground_either += int((predicted | true).sum())

    def summary(self) -> dict[str, object]:
        return {
            'pictures': self.pictures,
            'all': asdict(self.every.report()),
            'near': asdict(self.near.report()),
            'columns': asdict(self.columns.report()),
            'ground_iou': self.ground_both / max(self.ground_either, 1),
        }


def evaluate(
    scored: Iterable[Picture], model: Path, engine_config: EngineConfig, ignore_iou: float
) -> dict[str, dict[str, object]]:
    """Return the summaries of each kind of image, and of all images together."""
    engine = make_engine(EngineSpec(engine_config, model))
    engine.load()
    config = ModelConfig(file=str(model), score_threshold=LOWEST_SCORE)
    decoder, thresholds = make_decoder(config, engine.io), Thresholds.of(config)
    whole_picture = fit(WIDTH, HEIGHT, WIDTH, HEIGHT)
    scores = {name: Scores(ignore_iou) for name in (*KIND_NAMES, 'together')}
    for picture in scored:
        outputs = next(engine.run([np.array(picture.image)]))
        perception = decoder.decode(outputs, [whole_picture], thresholds)[0]
        for name in (KIND_NAMES[picture.kind], 'together'):
            scores[name].add(perception, picture.labels)
    engine.close()
    return {name: each.summary() for name, each in scores.items() if each.pictures}


def table(summaries: dict[str, dict]) -> str:
    """Return a Markdown table with one column for each kind of image."""
    rows: list[tuple[str, list[str]]] = [('pictures', [str(s['pictures']) for s in summaries.values()])]
    for key, where in (('all', 'all visible boxes'), ('near', f'within {NEAR_M:.0f} m')):
        reports = [s[key] for s in summaries.values()]
        rows.append((f'mAP50, {where}', [f'{r["map50"]:.3f}' for r in reports]))
        for name in CLASS_NAMES:
            cells = [f'{r["average_precision"][name]:.3f} ({r["truths"][name]})' for r in reports]
            rows.append((f'AP50 {name}, {where} (boxes)', cells))
    contacts = [s['all']['contact'] for s in summaries.values()]
    rows.append(('contact error px: median', [f'{c["median"]:.2f}' for c in contacts]))
    rows.append(('contact error px: 90 % below', [f'{c["p90"]:.2f}' for c in contacts]))
    rows.append(
        (
            'contact error px: median in u, in v',
            [f'{c["median_u"]:.2f}, {c["median_v"]:.2f}' for c in contacts],
        )
    )
    columns = [s['columns'] for s in summaries.values()]
    rows.append(
        ('column error px: median (bias)', [f'{c["median"]:.2f} ({c["bias"]:+.2f})' for c in columns])
    )
    rows.append(('columns within 1 px', [f'{c["within_1"]:.1%}' for c in columns]))
    rows.append(('columns within 2 px', [f'{c["within_2"]:.1%}' for c in columns]))
    rows.append(('columns beyond 8 px', [f'{c["beyond_8"]:.1%}' for c in columns]))
    rows.append(('ground IoU', [f'{s["ground_iou"]:.3f}' for s in summaries.values()]))
    lines = [f'| | {" | ".join(summaries)} |', f'| --- |{" --- |" * len(summaries)}']
    return '\n'.join(lines + [f'| {name} | {" | ".join(cells)} |' for name, cells in rows])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--model', type=Path, default=Path('models/surround.onnx'))
    parser.add_argument(
        '--engine', default='auto', help='openvino or onnxruntime; auto takes the first one that is installed'
    )
    parser.add_argument(
        '--precision', default='auto', help='float32 does not use bfloat16 on a CPU that has it'
    )
    parser.add_argument(
        '--data', type=Path, help='folder of training.dataset; without it, images are rendered'
    )
    parser.add_argument('--first-seed', type=int, default=900000)
    parser.add_argument('--worlds', type=int, default=80)
    parser.add_argument('--pictures', type=int, default=24, help='images of each world')
    parser.add_argument('--ignore-iou', type=float, default=0.3, help='see DetectionScores')
    parser.add_argument('--json', type=Path, help='also write all scores to this file')
    options = parser.parse_args()
    cv2.setNumThreads(1)
    seeds = range(options.first_seed, options.first_seed + options.worlds)
    made = (picture for seed in seeds for picture in pictures(seed, options.pictures))
    source = Dataset(options.data) if options.data else made
    engine_config = EngineConfig(kind=options.engine, precision=options.precision)
    summaries = evaluate(source, options.model, engine_config, options.ignore_iou)
    print(table(summaries))
    if options.json:
        options.json.write_text(json.dumps(summaries, indent=2) + '\n')


if __name__ == '__main__':
    main()
