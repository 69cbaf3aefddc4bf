"""Cost of decoding and suppression for 6 images, compared with the suppression of ONNX.

    python benchmarks/inference.py [--json FILE]

ONNX's NonMaxSuppression runs in onnxruntime, with boxes and scores converted beforehand. It needs `onnx`.
"""

import sys
from collections.abc import Callable
from importlib.util import find_spec

import numpy as np
from interleaved import medians_ms
from machine import Results, parser

from stream_infer_ros.cameras.image_mask import ImageMask
from stream_infer_ros.config import ModelConfig
from stream_infer_ros.inference import EngineIo, TensorInfo, Thresholds, fit, make_decoder
from stream_infer_ros.inference.decoders.box_selection import non_maximum_suppression
from stream_infer_ros.inference.detections import Perception
from stream_infer_ros.inference.masked_perception import masked
from stream_infer_ros.inference.surround_contract import surround_io, surround_scene

IMAGES = 6


# Upper limit for decoding and suppressing 6 images with 12 boxes each, ms.
ALLOWED_MS = 2.0
CLASSES, OVERLAP = 4, 0.55
THRESHOLDS = Thresholds.of(ModelConfig())


def main() -> int:
    options = parser(__doc__).parse_args()
    results = Results('inference', 'Decoding and suppression', options)
    rounds = 40 if options.quick else 100
    letterboxes = [fit(640, 480, 320, 240)] * IMAGES
    wide = [fit(1280, 720, 320, 240)] * IMAGES
    surround = make_decoder(ModelConfig(), surround_io())
    busy, full = (_surround_outputs(count) for count in (12, 100))
    yolox = make_decoder(ModelConfig(), _yolox_io())
    raw = np.random.default_rng(0).uniform(0.0, 0.25, (IMAGES, 3549, 85)).astype(np.float32)
    raw[:, ::177, 4:] += 0.7  # 21 candidates an image
    raw_bytes = {name: array.tobytes for name, array in busy.items()}
    decoding = medians_ms(
        {
            'a bare copy of the outputs': lambda: [copy() for copy in raw_bytes.values()],
            'surround, 12 boxes an image': lambda: surround.decode(busy, letterboxes, THRESHOLDS),
            'surround, 12 boxes, padded 16:9': lambda: surround.decode(busy, wide, THRESHOLDS),
            'surround, 100 boxes above the threshold': lambda: surround.decode(full, letterboxes, THRESHOLDS),
            'yolox, 21 candidates an image': lambda: yolox.decode({'output': raw}, letterboxes, THRESHOLDS),
        },
        rounds,
    )
    results.medians(f'decode and suppress, {IMAGES} images', decoding)
    masking = medians_ms(_masking(surround.decode(busy, letterboxes, THRESHOLDS)), rounds)
    results.medians(f'camera masks, {IMAGES} images of 640 x 480', masking)
    session = None
    if find_spec('onnx') is None or find_spec('onnxruntime') is None:
        results.missing('ONNX NonMaxSuppression: needs onnx and onnxruntime')
    else:
        session = _onnx_session()
    for count in (12, 100, 300):
        alternatives = _suppressions(count, session)
        results.medians(
            f'suppression of {count} boxes of {CLASSES} classes', medians_ms(alternatives, rounds)
        )
    results.check(
        f'decode and suppress {IMAGES} images', decoding['surround, 12 boxes an image'], ALLOWED_MS, 'ms'
    )
    return results.finish()


def _masking(seen: list[Perception]) -> dict[str, Callable[[], object]]:
    """Apply a mask of the lowest fifth of the image."""
    ignored = np.zeros((480, 640), np.bool_)
    ignored[384:] = True
    mask = ImageMask(ignored)
    spaces = [perception.free_space for perception in seen]
    return {
        'a lookup of one pixel for each column (floor)': lambda: [
            ignored[200, space.column_u.astype(np.intp)] for space in spaces if space is not None
        ],
        'boxes': lambda: [masked(perception, mask) for perception in seen],
        'boxes and free space': lambda: [masked(perception, mask).free_space for perception in seen],
    }


def _suppressions(count: int, session) -> dict[str, Callable[[], object]]:
    xyxy, score, class_id = _boxes(count)
    found: dict[str, Callable[[], object]] = {
        'sorting the scores (floor)': lambda: np.argsort(-score),
        'cv2.dnn.NMSBoxes by class, as used': lambda: non_maximum_suppression(xyxy, score, class_id, OVERLAP),
    }
    if session is not None:
        scores = np.zeros((1, CLASSES, count), np.float32)
        scores[0, class_id, np.arange(count)] = score
        given = {
            'boxes': xyxy[None, :, [1, 0, 3, 2]],
            'scores': scores,
            'most': np.array([count], np.int64),
            'overlap': np.array([OVERLAP], np.float32),
            'least': np.array([1e-6], np.float32),
        }
        theirs = session.run(None, given)[0][:, 2]
        assert set(theirs) == set(non_maximum_suppression(xyxy, score, class_id, OVERLAP)), (
            'ONNX keeps other boxes'
        )
        found['ONNX NonMaxSuppression (onnxruntime)'] = lambda: session.run(None, given)
    return found


def _onnx_session():
    """A network of that one operator."""
    import onnx  # noqa: PLC0415
    import onnxruntime  # noqa: PLC0415

    floats, ints = onnx.TensorProto.FLOAT, onnx.TensorProto.INT64
    inputs = [
        onnx.helper.make_tensor_value_info(name, kind, shape)
        for name, kind, shape in (
            ('boxes', floats, [1, None, 4]),
            ('scores', floats, [1, CLASSES, None]),
            ('most', ints, [1]),
            ('overlap', floats, [1]),
            ('least', floats, [1]),
        )
    ]
    node = onnx.helper.make_node('NonMaxSuppression', [one.name for one in inputs], ['kept'])
    graph = onnx.helper.make_graph(
        [node], 'nms', inputs, [onnx.helper.make_tensor_value_info('kept', ints, [None, 3])]
    )
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid('', 17)], ir_version=8)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=['CPUExecutionProvider']
    )


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
    sys.exit(main())
