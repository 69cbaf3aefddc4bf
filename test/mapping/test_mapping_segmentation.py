"""A map from a segmentation network alone: road is free, and its end is occupied."""

import numpy as np
import pytest
from mapping_scenes import PERIOD_NS, cell, column_centres, disc, mounted, pinhole, standing, true_boundary

from stream_infer_ros.config import ModelConfig
from stream_infer_ros.config.tree import MapConfig
from stream_infer_ros.inference import EngineIo, TensorInfo, Thresholds, fit, make_decoder
from stream_infer_ros.mapping import FREE, OCCUPIED, UNKNOWN, OccupancyMap, View

NETWORK_WIDTH, NETWORK_HEIGHT, STRIDE = 320, 256, 4


def logits_of(boundary_v, model, letterbox):
    """(2, h, w): road below a boundary given for every column of the image, building above and as padding."""
    v, u = np.mgrid[:NETWORK_HEIGHT, :NETWORK_WIDTH].astype(np.float32)
    source = letterbox.to_source(np.stack([u, v], axis=-1))
    at = np.clip(np.rint(source[..., 0]).astype(int), 0, model.image_width - 1)
    road = source[..., 1] > boundary_v[at]
    road &= (source > -0.5).all(axis=-1) & (source < [model.image_width, model.image_height]).all(axis=-1)
    cells = road.reshape(NETWORK_HEIGHT // STRIDE, STRIDE, NETWORK_WIDTH // STRIDE, STRIDE)
    share = cells.mean(axis=(1, 3))
    return np.stack([1.0 - share, share]).astype(np.float32) * 8.0 - 4.0


@pytest.mark.parametrize('how', ['letterbox', 'stretch'])
def test_a_post_on_a_road(how):
    model, camera, pose = pinhole(), mounted(), standing()
    io = EngineIo(
        (TensorInfo('image', 'float32', (-1, 3, NETWORK_HEIGHT, NETWORK_WIDTH)),),
        (TensorInfo('out', 'float32', (-1, 2, NETWORK_HEIGHT // STRIDE, NETWORK_WIDTH // STRIDE)),),
        {'class_names': 'building,road'},
    )
    decoder = make_decoder(ModelConfig(), io)
    letterbox = fit(model.image_width, model.image_height, NETWORK_WIDTH, NETWORK_HEIGHT, how)
    boundary = true_boundary(model, pose @ camera, disc(4.0, 0.5, 0.4), 160)
    by_pixel = np.interp(np.arange(model.image_width), column_centres(model, 160), boundary)
    outputs = {'out': logits_of(by_pixel, model, letterbox)[None]}
    occupancy = OccupancyMap(MapConfig(size_m=20.0))
    for i in range(6):
        (perception,) = decoder.decode(outputs, [letterbox], Thresholds.of(ModelConfig()))
        assert len(perception.detections) == 0
        occupancy.update([View('front', i * PERIOD_NS, model, camera, pose, perception)], i * PERIOD_NS)
    snapshot = occupancy.snapshot(6 * PERIOD_NS)
    assert cell(snapshot, 3.65, 0.5) == OCCUPIED
    for x_m, y_m in ((3.2, 0.5), (2.0, 0.0), (4.5, -0.8), (4.0, 1.6)):
        assert cell(snapshot, x_m, y_m) == FREE, (x_m, y_m)
    assert cell(snapshot, 5.5, 0.69) == UNKNOWN
    assert not occupancy.objects(6 * PERIOD_NS)
