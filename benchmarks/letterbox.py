"""What the letterbox costs beyond the resize it cannot do without: `python benchmarks/letterbox.py`."""

import cv2
import numpy as np
from interleaved import medians_ms, print_against_first

from stream_infer_ros.cameras.frame import Frame
from stream_infer_ros.inference import Letterbox, write_letterboxed


def main() -> None:
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
        print_against_first(f'{width}x{height} into 320x240', medians_ms(alternatives, 200))
        file = cv2.imencode('.jpg', picture)[1].ravel()
        compressed = {
            'bare cv2.imdecode, full size': lambda f=file: cv2.imdecode(f, cv2.IMREAD_COLOR),
            'jpeg to rgb, letterboxed': _writer(file, 'jpeg', slot, letterbox),
        }
        print_against_first(
            f'{width}x{height} jpeg ({file.size // 1000} kB) into 320x240', medians_ms(compressed, 50)
        )


def _writer(image: np.ndarray, encoding: str, slot: np.ndarray, padded: Letterbox):
    frame = Frame('c', 0, 0, image, encoding, 'f')
    return lambda: write_letterboxed(frame, slot, 'rgb', padded=padded)


if __name__ == '__main__':
    main()
