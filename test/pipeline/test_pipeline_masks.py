"""Ignored parts of a camera's image, with the real network, from the parameter to what is published."""

import cv2
import numpy as np
import pytest
from rosbags_messages import grid_cells, read
from test_pipeline_end_to_end import DETECTIONS, GRID, SCAN, Driven, config
from yard import Yard

from stream_infer_ros.errors import ConfigError
from stream_infer_ros.graph import LATCHED, RELIABLE
from stream_infer_ros.messages.detection2d_array import decode_detection2d_array
from stream_infer_ros.messages.diagnostics import DiagnosticLevel

IMAGE = 'sensor_msgs/msg/Image'
WIDTH, HEIGHT = 160, 120
BOTTOM = f'[[0, 70], [{WIDTH}, 70], [{WIDTH}, {HEIGHT}], [0, {HEIGHT}]]'
EVERYTHING = f'[[-1, -1], [{WIDTH}, -1], [{WIDTH}, {HEIGHT}], [-1, {HEIGHT}]]'


def masked(**masks):
    return config(engine={'kind': 'auto'}, camera={name: {'mask': mask} for name, mask in masks.items()})


def boxes_of(messages):
    """The boxes of each message."""
    return [decode_detection2d_array(cdr).detections.xyxy for cdr in messages]


def standing_yard():
    """A robot that stands still, so that a thing in the image stays where it is, as its own bumper does."""
    return Yard(speed_m_s=0.0)


def test_a_thing_that_is_masked_is_gone_and_the_others_stay():
    yard = standing_yard()
    messages = {
        c: yard.collect(f'/stream_infer/{c}/detections', DETECTIONS, RELIABLE) for c in ('cam0', 'cam1')
    }
    made = Driven(yard, masked())
    yard.stream(ticks=4)
    before = {camera: boxes_of(taken) for camera, taken in messages.items()}
    assert all(len(found) for found in before['cam0'])
    x0, y0, x1, y1 = (float(edge) for edge in before['cam0'][-1][0])
    around = [[x0 - 2, y0 - 2], [x1 + 2, y0 - 2], [x1 + 2, y1 + 2], [x0 - 2, y1 + 2]]
    for taken in messages.values():
        taken.clear()
    made.assembly.change_settings(masked(cam0=str(around)))
    yard.stream(ticks=8, skip=lambda e: e.tick < 4)
    after = {camera: boxes_of(taken) for camera, taken in messages.items()}
    assert len(after['cam0']) >= 3
    for found in after['cam0']:
        centre = (found[:, :2] + found[:, 2:]) / 2
        inside = (centre > (x0, y0)).all(axis=1) & (centre < (x1, y1)).all(axis=1)
        assert not inside.any()
    least = min(map(len, before['cam0'])) - 3
    assert min(map(len, after['cam0'])) >= least
    assert max(map(len, after['cam1'])) >= max(map(len, before['cam1'])) - 4
    made.network.close()


def test_what_is_masked_is_in_neither_the_map_nor_the_scan():
    yard = standing_yard()
    maps = yard.collect('/stream_infer/occupancy_grid', GRID, LATCHED)
    scans = yard.collect('/stream_infer/cam0/scan', SCAN, RELIABLE)
    made = Driven(yard, masked())
    yard.stream(ticks=6)
    plain = grid_cells(maps[-1])
    assert np.isfinite(read(scans[-1], SCAN).ranges).any()
    made.network.close()

    yard = standing_yard()
    maps = yard.collect('/stream_infer/occupancy_grid', GRID, LATCHED)
    scans = yard.collect('/stream_infer/cam0/scan', SCAN, RELIABLE)
    made = Driven(yard, masked(cam0=EVERYTHING))
    yard.stream(ticks=6)
    some = grid_cells(maps[-1])
    assert np.isnan(read(scans[-1], SCAN).ranges).all()
    assert 0 < (some >= 0).sum() < 0.8 * (plain >= 0).sum()
    statuses = {s.name: s for s in made.assembly.health.diagnostics.statuses(yard.clock.now_ns)}
    told = statuses['stream_infer: camera cam0']
    assert told.level is DiagnosticLevel.WARN
    assert 'covers the whole image' in told.message
    assert statuses['stream_infer: camera cam1'].level is DiagnosticLevel.OK
    made.network.close()


def test_the_overlay_shows_the_mask(tmp_path):
    yard = standing_yard()
    pictures = yard.collect('/stream_infer/cam0/overlay', IMAGE, RELIABLE)
    others = yard.collect('/stream_infer/cam1/overlay', IMAGE, RELIABLE)
    mask = np.full((HEIGHT, WIDTH), 255, np.uint8)
    mask[70:] = 0
    cv2.imwrite(str(tmp_path / 'mask.png'), mask)
    made = Driven(yard, masked(cam0=str(tmp_path / 'mask.png')))
    yard.stream(ticks=3)
    picture, other = (
        np.asarray(read(taken[-1], IMAGE).data).reshape(HEIGHT, WIDTH, 3) for taken in (pictures, others)
    )
    assert np.median(picture[75:]) < 0.5 * np.median(picture[40:65])
    assert np.median(other[75:]) > 0.5 * np.median(other[40:65])
    values = {s.name: s.values for s in made.assembly.health.diagnostics.statuses(yard.clock.now_ns)}
    assert values['stream_infer: camera cam0']['masked'] == '42%'
    assert 'masked' not in values['stream_infer: camera cam1']
    made.network.close()


def test_a_picture_of_another_shape_is_told_and_the_camera_still_works(tmp_path):
    cv2.imwrite(str(tmp_path / 'wide.png'), np.zeros((90, 160), np.uint8))
    yard = standing_yard()
    messages = yard.collect('/stream_infer/cam0/detections', DETECTIONS, RELIABLE)
    made = Driven(yard, masked(cam0=str(tmp_path / 'wide.png')))
    yard.stream(ticks=3)
    assert all(len(found) for found in boxes_of(messages))
    assert (
        'expected a mask of the shape of the images, 160 x 120, got 160 x 90'
        in made.assembly.cameras[0].problem
    )
    made.assembly.change_settings(masked(cam0=BOTTOM))
    yard.stream(ticks=6, skip=lambda e: e.tick < 3)
    assert made.assembly.cameras[0].problem == ''
    made.assembly.change_settings(masked())
    yard.stream(ticks=9, skip=lambda e: e.tick < 6)
    assert made.assembly.cameras[0].masked == 0.0
    made.network.close()


def test_a_mask_that_is_not_there_is_refused_at_the_start_and_later(tmp_path):
    yard = standing_yard()
    with pytest.raises(ConfigError, match='cannot read it'):
        Driven(yard, masked(cam0=str(tmp_path / 'none.png')))
    yard = standing_yard()
    made = Driven(yard, masked(cam0=BOTTOM))
    before = made.assembly.settings()
    with pytest.raises(ConfigError, match='cannot read it'):
        made.assembly.change_settings(masked(cam0=str(tmp_path / 'none.png')))
    assert made.assembly.settings() is before
    made.network.close()
