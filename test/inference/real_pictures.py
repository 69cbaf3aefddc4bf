"""Photographs for networks to look at."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from rosbags.highlevel import AnyReader
from rosbags.typesys import Stores, get_typestore

from stream_infer_ros.cameras.frame import Frame

SHARED = Path(__file__).resolve().parents[3] / 'shared'
YOLOX = SHARED / 'models' / 'yolox_nano' / 'yolox_nano.onnx'


def read_portrait() -> np.ndarray:
    """Grace Hopper in front of a flag: she fills the lower nine tenths of the 512x600 photograph. RGB."""
    matplotlib = pytest.importorskip('matplotlib')
    path = Path(matplotlib.get_data_path()) / 'sample_data' / 'grace_hopper.jpg'
    if not path.is_file():
        pytest.skip(f'this matplotlib comes without {path}')
    return cv2.cvtColor(cv2.imread(str(path)), cv2.COLOR_BGR2RGB)


def goal_frames() -> list[Frame]:
    """Two pictures of a soccer goal from a recorded bag."""
    bag = SHARED / 'bags' / 'amber_soccer_goal'
    if not bag.is_dir():
        pytest.skip(f'the recorded bag is not at {bag}')
    store = get_typestore(Stores.ROS2_HUMBLE)
    with AnyReader([bag]) as reader:
        messages = [store.deserialize_cdr(data, 'sensor_msgs/msg/Image') for _, _, data in reader.messages()]
    return [
        Frame(
            'goal', 0, 0, message.data.reshape(message.height, message.width, 3), message.encoding, 'camera'
        )
        for message in messages
    ]
