"""Models of rectified images, and of images of another size than CameraInfo describes."""

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream_infer_ros.cameras import CameraModel, Roi
from stream_infer_ros.cameras.image_fit import fitted
from stream_infer_ros.cameras.rectified import rectified_model
from stream_infer_ros.errors import CalibrationError

K = np.array([[410.0, 0.0, 322.5], [0.0, 415.0, 238.25], [0.0, 0.0, 1.0]])
D = np.array([-0.27, 0.09, 1.2e-3, -0.7e-3, -0.01])
P = np.array([[370.0, 0.0, 318.0, -44.4], [0.0, 372.0, 241.5, 0.0], [0.0, 0.0, 1.0, 0.0]])
POINTS = np.array([[0.0, 0.0, 2.0], [1.0, -0.4, 3.0], [-0.7, 0.9, 2.5]])


def raw(**more) -> CameraModel:
    return CameraModel(640, 480, 'plumb_bob', D, K, np.eye(3), P, **more)


def test_a_rectified_image_is_projected_by_p_as_cv2_rectifies_it():
    """The pixel of a point in the raw image, undistorted by OpenCV with P, is that of the rectified image."""
    pixels = raw().points_to_pixels(POINTS)
    expected = cv2.undistortPoints(pixels[:, None], K, D, P=P[:, :3])[:, 0]
    model = rectified_model(640, 480, D, K, P)
    np.testing.assert_allclose(model.points_to_pixels(POINTS), expected, atol=1e-3)
    assert model.assumptions == ()


@given(
    st.tuples(st.integers(0, 4), st.integers(0, 4)),
    st.tuples(st.integers(0, 300), st.integers(0, 200), st.integers(64, 340), st.integers(64, 280)),
)
def test_binning_and_region_apply_to_p_as_in_image_geometry(binning, region):
    """PinholeCameraModel.fromCameraInfo shifts P by the region, and then divides it by the binning."""
    model = rectified_model(640, 480, D, K, P, *binning, Roi(*region))
    fx, fy, cx, cy = P[0, 0], P[1, 1], P[0, 2] - region[0], P[1, 2] - region[1]
    x, y = (max(1, value) for value in binning)
    expected = POINTS[:, :2] / POINTS[:, 2:] * [fx / x, fy / y] + [cx / x, cy / y]
    np.testing.assert_allclose(model.points_to_pixels(POINTS), expected, atol=1e-9)
    assert (model.image_width, model.image_height) == (region[2] // x, region[3] // y)


UNUSABLE = {
    'zeros': np.zeros((3, 4)),
    'NaN': np.full((3, 4), np.nan),
    'negative': P * [[-1.0], [1.0], [1.0]],
    'ones': np.ones((3, 4)),
}


@pytest.mark.parametrize('name', UNUSABLE)
def test_without_p_k_is_used_with_a_word(name):
    model = rectified_model(640, 480, D, K, UNUSABLE[name])
    ideal = CameraModel(640, 480, '', [], K, np.eye(3), np.zeros((3, 4)))
    np.testing.assert_array_equal(model.points_to_pixels(POINTS), ideal.points_to_pixels(POINTS))
    assert 'CameraInfo.p' in model.assumptions[0].cause
    assert rectified_model(640, 480, np.zeros(5), K, UNUSABLE[name]).assumptions == ()


def test_values_of_the_raw_image_do_not_matter_to_the_rectified_one():
    model = rectified_model(640, 480, np.full(8, np.nan), np.zeros((3, 3)), P)
    np.testing.assert_array_equal(
        model.points_to_pixels(POINTS), rectified_model(640, 480, D, K, P).points_to_pixels(POINTS)
    )
    with pytest.raises(CalibrationError, match='not calibrated'):
        rectified_model(640, 480, D, np.zeros((3, 3)), np.zeros((3, 4)))


@pytest.mark.parametrize('size', [(320, 240), (160, 120), (1280, 960), (427, 320), (213, 160)])
@pytest.mark.parametrize('more', [{}, {'binning_x': 2, 'binning_y': 2}])
def test_a_resized_image_is_served_with_a_word(size, more):
    """The marker of a point is where OpenCV's resize moves it."""
    model = raw(**more)
    described = np.array([model.image_width, model.image_height])
    resized = fitted(model, *size)
    expected = (model.points_to_pixels(POINTS) + 0.5) * (np.array(size) / described) - 0.5
    np.testing.assert_allclose(resized.points_to_pixels(POINTS), expected, atol=1e-9)
    np.testing.assert_allclose(
        resized.pixels_to_rays(expected), model.pixels_to_rays(model.points_to_pixels(POINTS)), atol=1e-9
    )
    assert (resized.image_width, resized.image_height) == size
    assert len(resized.assumptions) == (size != tuple(described))


def test_the_size_of_the_whole_sensor_means_that_binning_and_region_are_not_applied():
    for more in ({'binning_x': 2, 'binning_y': 2}, {'roi': Roi(100, 50, 320, 240)}):
        whole = fitted(raw(**more), 640, 480)
        np.testing.assert_array_equal(whole.points_to_pixels(POINTS), raw().points_to_pixels(POINTS))
        assert 'binning and region' in whole.assumptions[0].cause


def test_a_driver_may_round_up_what_binning_leaves():
    model = raw(binning_x=4, binning_y=4, roi=Roi(10, 20, 301, 203))
    rounded = fitted(model, 76, 51)
    assert rounded.assumptions == ()
    np.testing.assert_allclose(rounded.points_to_pixels(POINTS), model.points_to_pixels(POINTS), atol=1e-9)


@pytest.mark.parametrize('scale', [0.5, 2.0])
def test_the_k_of_the_images_beside_another_size_is_used_as_it_is(scale):
    """The driver scaled K, but not width and height."""
    k = K * np.array([[scale], [scale], [1.0]])
    model = fitted(CameraModel(640, 480, 'plumb_bob', D, k, np.eye(3), P), int(640 * scale), int(480 * scale))
    np.testing.assert_allclose(
        model.points_to_pixels(POINTS), raw().points_to_pixels(POINTS) * scale, atol=1e-9
    )
    assert 'without scaling' in model.assumptions[0].cause


def test_a_camera_info_without_size_is_taken_for_that_of_the_images():
    unknown = CameraModel(0, 0, 'plumb_bob', D, K, np.eye(3), P)
    model = fitted(unknown, 640, 480)
    np.testing.assert_array_equal(model.points_to_pixels(POINTS), raw().points_to_pixels(POINTS))
    assert 'are 0' in model.assumptions[0].cause
    with pytest.raises(CalibrationError, match='let the driver publish the right size'):
        fitted(unknown, 320, 240)


def test_the_calibration_that_fits_is_not_touched():
    model = raw()
    assert fitted(model, 640, 480) is model


@pytest.mark.parametrize(
    ('size', 'words'),
    [
        ((480, 640), 'rotated by 90 degrees'),
        ((240, 320), 'rotated by 90 degrees'),
        ((640, 360), 'cropped'),
        ((640, 488), 'cropped'),
        ((480, 480), 'cropped'),
        ((20, 15), 'cropped'),
    ],
)
def test_another_shape_is_refused_in_words(size, words):
    with pytest.raises(
        CalibrationError, match=f'{size[0]} x {size[1]}, but CameraInfo describes 640 x 480.*{words}'
    ):
        fitted(raw(), *size)
