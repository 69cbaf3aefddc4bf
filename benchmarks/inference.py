"""What decoding and suppression cost for 6 images (at most 2 ms): `python benchmarks/inference.py`."""

import cv2
import numpy as np
from interleaved import medians_ms, print_against_first

from stream_infer_ros.config import ModelConfig
from stream_infer_ros.inference import EngineIo, TensorInfo, fit, make_decoder, nms
from stream_infer_ros.inference.surround_contract import surround_io, surround_scene

IMAGES = 6


def main() -> None:
    letterboxes = [fit(640, 480, 320, 240)] * IMAGES
    wide = [fit(1280, 720, 320, 240)] * IMAGES
    surround = make_decoder(ModelConfig(), surround_io())
    busy, full = (_surround_outputs(count) for count in (12, 100))
    yolox = make_decoder(ModelConfig(), _yolox_io())
    raw = np.random.default_rng(0).uniform(0.0, 0.25, (IMAGES, 3549, 85)).astype(np.float32)
    raw[:, ::177, 4:] += 0.7  # 21 candidates an image
    print_against_first(
        f'decode and suppress, {IMAGES} images',
        medians_ms(
            {
                'surround, 12 boxes an image': lambda: surround.decode(busy, letterboxes),
                'surround, 12 boxes, padded 16:9': lambda: surround.decode(busy, wide),
                'surround, 100 boxes above the threshold': lambda: surround.decode(full, letterboxes),
                'yolox, 21 candidates an image': lambda: yolox.decode({'output': raw}, letterboxes),
            }
        ),
    )
    for count in (12, 100, 300):
        xyxy, score, class_id = _boxes(count)
        whole = np.concatenate([xyxy[:, :2], xyxy[:, 2:] - xyxy[:, :2]], axis=1)
        alternatives = {
            'nms': lambda b=xyxy, s=score, c=class_id: nms(b, s, c, 0.55),
            'cv2.dnn.NMSBoxesBatched': lambda b=whole, s=score, c=class_id: cv2.dnn.NMSBoxesBatched(
                b, s, c, 0.0, 0.55
            ),
        }
        print_against_first(f'suppression of {count} boxes', medians_ms(alternatives))


def _boxes(count: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(count)
    corner = rng.uniform(0.0, 250.0, (count, 2))
    xyxy = np.concatenate([corner, corner + rng.uniform(10.0, 60.0, (count, 2))], axis=1).astype(np.float32)
    return xyxy, rng.uniform(0.3, 1.0, count).astype(np.float32), rng.integers(0, 4, count).astype(np.int32)


def _surround_outputs(count: int) -> dict[str, np.ndarray]:
    xyxy, score, class_id = _boxes(count)
    rows = np.concatenate([xyxy, xyxy[:, 2:], score[:, None], class_id[:, None]], axis=1)
    scene = surround_scene(rows)
    return {name: np.repeat(array[None], IMAGES, axis=0) for name, array in scene.items()}


def _yolox_io() -> EngineIo:
    return EngineIo(
        (TensorInfo('images', 'float32', (1, 3, 416, 416)),),
        (TensorInfo('output', 'float32', (1, 3549, 85)),),
        {},
    )


if __name__ == '__main__':
    main()
