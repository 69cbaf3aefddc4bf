"""The cost of the letterbox compared with its resize, and with cv2.dnn.blobFromImages.

python benchmarks/letterbox.py [--json FILE]
"""

import sys

import cv2
import numpy as np
from interleaved import medians_ms
from machine import Results, parser

from stream_infer_ros.cameras.frame import Frame
from stream_infer_ros.inference import Letterbox, write_letterboxed

IMAGES = 6


def main() -> int:
    options = parser(__doc__).parse_args()
    results = Results('letterbox', 'Images into the network', options)
    rounds = 60 if options.quick else 200
    cv2.setNumThreads(1)
    for width, height in ((640, 480), (1920, 1080)):
        rng = np.random.default_rng(0)
        coarse = rng.integers(0, 256, (height // 8, width // 8, 3), np.uint8)
        picture = cv2.resize(coarse, (width, height))
        slot = np.zeros((240, 320, 3), np.uint8)
        frames = {
            'rgb8': picture,
            'bgr8': picture,
            'rgba8': np.dstack([picture, picture[..., :1]]),
            'mono8': np.ascontiguousarray(picture[..., 0]),
            'yuv422_yuy2': np.ascontiguousarray(picture[..., :2]),
        }
        letterbox = write_letterboxed(Frame('c', 0, 0, picture, 'rgb8', 'f'), slot, 'rgb')
        inside = slot[letterbox.pad_v : letterbox.pad_v + letterbox.resized_height]
        size = (letterbox.resized_width, letterbox.resized_height)
        alternatives = {
            'bare cv2.resize into the slot': lambda p=picture, i=inside, s=size: cv2.resize(p, s, dst=i)
        }
        for encoding, image in frames.items():
            alternatives[f'{encoding} to rgb'] = _writer(image, encoding, slot, letterbox)
        results.medians(f'{width}x{height} into 320x240', medians_ms(alternatives, rounds))
        results.medians(
            f'{IMAGES} of {width}x{height} rgb8 into a batch for the network',
            medians_ms(_batches(picture, letterbox), rounds // 2),
            note='a network of ours takes uint8; blobFromImages makes float NCHW, and does not letterbox',
        )
        file = cv2.imencode('.jpg', picture)[1].ravel()
        compressed = {
            'bare cv2.imdecode, full size': lambda f=file: cv2.imdecode(f, cv2.IMREAD_COLOR),
            'jpeg to rgb, letterboxed': _writer(file, 'jpeg', slot, letterbox),
        }
        results.medians(
            f'{width}x{height} jpeg ({file.size // 1000} kB) into 320x240',
            medians_ms(compressed, rounds // 4),
        )
    return results.finish()


def _batches(picture: np.ndarray, letterbox: Letterbox):
    """The same images as a batch: ours as uint8, ours as other networks take it, and OpenCV's way."""
    batch = np.zeros((IMAGES, 240, 320, 3), np.uint8)
    floats = np.zeros((IMAGES, 3, 240, 320), np.float32)
    frame = Frame('c', 0, 0, picture, 'rgb8', 'f')
    size = (letterbox.resized_width, letterbox.resized_height)
    inside = slice(letterbox.pad_v, letterbox.pad_v + letterbox.resized_height)

    def resize() -> None:
        for slot in batch:
            cv2.resize(picture, size, dst=slot[inside])

    def ours() -> None:
        for slot in batch:
            write_letterboxed(frame, slot, 'rgb', padded=letterbox)

    def ours_float() -> None:
        ours()
        np.multiply(batch.transpose(0, 3, 1, 2), np.float32(1 / 255), out=floats, casting='unsafe')

    def blob() -> None:
        cv2.dnn.blobFromImages([picture] * IMAGES, 1 / 255, (320, 240), swapRB=False)

    return {
        'bare cv2.resize into the slots': resize,
        'ours, uint8 NHWC': ours,
        'ours, packed as float32 NCHW': ours_float,
        'cv2.dnn.blobFromImages, float32 NCHW': blob,
    }


def _writer(image: np.ndarray, encoding: str, slot: np.ndarray, padded: Letterbox):
    frame = Frame('c', 0, 0, image, encoding, 'f')
    return lambda: write_letterboxed(frame, slot, 'rgb', padded=padded)


if __name__ == '__main__':
    sys.exit(main())
