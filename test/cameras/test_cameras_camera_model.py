"""Conversion between pixels and rays: compared with OpenCV, round trips, and pixels outside the domain."""

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream_infer_ros.cameras import CameraModel, Roi
from stream_infer_ros.errors import CalibrationError

K = np.array([[410.0, 0.0, 322.5], [0.0, 415.0, 238.25], [0.0, 0.0, 1.0]])
TIGHT = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_MAX_ITER, 1000, 1e-15)

LENSES = {
    'barrel': ('plumb_bob', [-0.27, 0.09, 1.2e-3, -0.7e-3, -0.01]),
    'pincushion': ('plumb_bob', [0.22, 0.05, -1e-3, 2e-3, 0.01]),
    'four': ('plumb_bob', [-0.2, 0.03, 1e-3, 1e-3]),
    'straight': ('plumb_bob', [0.0, 0.0, 0.0, 0.0, 0.0]),
    'rational': ('rational_polynomial', [3.1, 1.2, 4e-4, -3e-4, 0.09, 3.4, 1.9, 0.31]),
    'thin_prism': ('rational_polynomial', [-0.2, 0.05, 1e-3, 1e-3, 0, 0, 0, 0, 2e-3, -1e-3, 1e-3, 5e-4]),
    'tilted': (
        'rational_polynomial',
        [-0.2, 0.05, 1e-3, 1e-3, 0, 0, 0, 0, 2e-3, -1e-3, 1e-3, 5e-4, 0.04, -0.03],
    ),
    'fisheye': ('equidistant', [0.08, -0.03, 0.011, -0.002]),
    'ideal_fisheye': ('equidistant', [0.0, 0.0, 0.0, 0.0]),
}


def camera(model: str, d: list[float], **more: object) -> CameraModel:
    return CameraModel(640, 480, model, d, K, np.eye(3), np.zeros((3, 4)), **more)


def every_pixel(step: int = 16) -> np.ndarray:
    u, v = np.meshgrid(np.arange(0.0, 640.0, step), np.arange(0.0, 480.0, step))
    return np.column_stack([u.ravel(), v.ravel()])


@pytest.mark.parametrize('name', LENSES)
def test_pixel_to_ray_and_back(name: str) -> None:
    lens = camera(*LENSES[name])
    uv = every_pixel()
    rays = lens.pixels_to_rays(uv)
    assert not np.isnan(rays).any()
    np.testing.assert_allclose(np.linalg.norm(rays, axis=1), 1.0, atol=1e-12)
    np.testing.assert_allclose(lens.points_to_pixels(rays * 7.5), uv, atol=1e-6)


@pytest.mark.parametrize('name', LENSES)
def test_agrees_with_opencv(name: str) -> None:
    model, d = LENSES[name]
    lens = camera(model, d)
    uv = every_pixel()
    rays = lens.pixels_to_rays(uv)
    zero = np.zeros(3)
    if model == 'equidistant':
        ideal = cv2.fisheye.undistortPoints(uv[:, None], K, np.array(d), criteria=TIGHT)[:, 0]
        projected = cv2.fisheye.projectPoints(rays[:, None], zero, zero, K, np.array(d))[0][:, 0]
    else:
        ideal = cv2.undistortPoints(uv[:, None], K, np.array(d), criteria=TIGHT)[:, 0]
        projected = cv2.projectPoints(rays, zero, zero, K, np.array(d))[0][:, 0]
    np.testing.assert_allclose(lens.points_to_pixels(rays), projected, atol=1e-6)
    ours = rays[:, :2] / rays[:, 2:] * K.diagonal()[:2]
    np.testing.assert_allclose(ours, ideal * K.diagonal()[:2], atol=1e-6)


def test_every_ray_of_the_domain_comes_back() -> None:
    rng = np.random.default_rng(1)
    for model, d in LENSES.values():
        lens = camera(model, d)
        rays = np.column_stack([rng.uniform(-1.2, 1.2, (4000, 2)), np.ones(4000)])
        rays /= np.linalg.norm(rays, axis=1, keepdims=True)
        uv = lens.points_to_pixels(rays)
        seen = ~np.isnan(uv).any(axis=1)
        assert seen.mean() > 0.5
        np.testing.assert_allclose(lens.pixels_to_rays(uv[seen]), rays[seen], atol=1e-6)


small = st.floats(-0.3, 0.3)
tiny = st.floats(-3e-3, 3e-3)


@given(st.tuples(small, small, tiny, tiny, small), st.floats(0, 800), st.floats(0, 600))
def test_any_plumb_bob_answers_truly_or_not_at_all(d: tuple[float, ...], u: float, v: float) -> None:
    lens = camera('plumb_bob', list(d))
    ray = lens.pixels_to_rays([[u, v]])
    if not np.isnan(ray).any():
        np.testing.assert_allclose(lens.points_to_pixels(ray), [[u, v]], atol=1e-6)
        reference = cv2.projectPoints(ray, np.zeros(3), np.zeros(3), K, np.array(d))[0][:, 0]
        np.testing.assert_allclose(reference, [[u, v]], atol=1e-6)


@given(st.tuples(small, small, small, small), st.floats(0, 3.0), st.floats(-3.14, 3.14))
def test_any_equidistant_answers_truly_or_not_at_all(
    d: tuple[float, ...], theta: float, direction: float
) -> None:
    lens = camera('equidistant', list(d))
    ray = np.array([[np.sin(theta) * np.cos(direction), np.sin(theta) * np.sin(direction), np.cos(theta)]])
    pixel = lens.points_to_pixels(ray)
    if not np.isnan(pixel).any():
        np.testing.assert_allclose(lens.points_to_pixels(lens.pixels_to_rays(pixel)), pixel, atol=1e-6)


def test_a_folding_lens_gives_nothing_beyond_its_fold() -> None:
    # r (1 - 0.3 r^2) grows up to r = 1 / sqrt(0.9) = 1.054, where it is 0.703
    lens = camera('plumb_bob', [-0.3, 0.0, 0.0, 0.0])
    inside, outside = [[1.0, 0.0, 1.0]], [[1.1, 0.0, 1.0]]
    assert not np.isnan(lens.points_to_pixels(inside)).any()
    assert np.isnan(lens.points_to_pixels(outside)).all()
    u_of = lambda x: [[K[0, 2] + K[0, 0] * x, K[1, 2]]]  # noqa: E731
    assert not np.isnan(lens.pixels_to_rays(u_of(0.70))).any()
    assert np.isnan(lens.pixels_to_rays(u_of(0.71))).all()
    # OpenCV, by contrast, projects a far outlier into the middle of the picture
    zero, d = np.zeros(3), np.array([-0.3, 0.0, 0.0, 0.0])
    stray = cv2.projectPoints(np.array([[1.8, 0.0, 1.0]]), zero, zero, K, d)
    assert 0 < stray[0][0, 0, 0] < 640


def test_a_pole_outside_the_picture_does_no_harm() -> None:
    """The denominator of this calibration vanishes at a radius of 1.75; the picture ends before 1."""
    lens = camera('rational_polynomial', [1.106, 1.662, -3e-3, -3e-3, -0.013, 4.5, -0.812, -0.249])
    rays = np.column_stack([every_pixel() / 640.0 - 0.4, np.ones(1200)])
    uv = lens.points_to_pixels(rays)
    np.testing.assert_allclose(lens.points_to_pixels(lens.pixels_to_rays(uv)), uv, atol=1e-6)
    assert np.isnan(lens.points_to_pixels([[1.76, 0.0, 1.0]])).all()


def test_a_fisheye_sees_beyond_ninety_degrees_but_not_beyond_its_fold() -> None:
    lens = camera('equidistant', [0.0, 0.0, 0.0, 0.0])
    behind = np.array([[np.sin(1.8), 0.0, np.cos(1.8)]])
    pixel = lens.points_to_pixels(behind)
    np.testing.assert_allclose(pixel, [[K[0, 2] + 1.8 * K[0, 0], K[1, 2]]])
    np.testing.assert_allclose(lens.pixels_to_rays(pixel), behind, atol=1e-12)
    folding = camera('equidistant', [-0.1, 0.0, 0.0, 0.0])  # theta (1 - 0.1 theta^2) grows up to 1.826
    assert np.isnan(folding.points_to_pixels([[np.sin(1.9), 0.0, np.cos(1.9)]])).all()
    assert np.isnan(folding.pixels_to_rays([[K[0, 2] + 1.23 * K[0, 0], K[1, 2]]])).all()


@pytest.mark.parametrize('name', ['barrel', 'straight', 'rational'])
def test_nothing_is_seen_behind_a_pinhole(name: str) -> None:
    points = [[0.1, 0.1, -1.0], [0.0, 0.0, 0.0], [1.0, 0.0, 0.0]]
    assert np.isnan(camera(*LENSES[name]).points_to_pixels(points)).all()


def test_the_axis_is_no_exception() -> None:
    for model, d in LENSES.values():
        lens = camera(model, d)
        pixel = lens.points_to_pixels([[0.0, 0.0, 2.0]])
        np.testing.assert_allclose(lens.pixels_to_rays(pixel), [[0.0, 0.0, 1.0]], atol=1e-9)


def test_no_points_are_no_error() -> None:
    for model, d in LENSES.values():
        lens = camera(model, d)
        assert lens.pixels_to_rays(np.zeros((0, 2))).shape == (0, 3)
        assert lens.points_to_pixels(np.zeros((0, 3))).shape == (0, 2)


def test_roi_and_binning_as_in_image_geometry() -> None:
    whole = camera(*LENSES['barrel'])
    part = camera(*LENSES['barrel'], binning_x=2, binning_y=4, roi=Roi(100, 40, 320, 240))
    assert (part.image_width, part.image_height) == (160, 60)
    np.testing.assert_array_equal(
        part.pixels_to_rays([[0.0, 0.0], [10.0, 20.0]]),
        whole.pixels_to_rays([[100.0, 40.0], [120.0, 120.0]]),
    )
    uv = np.array([[3.0, 4.0], [150.0, 55.0]])
    np.testing.assert_allclose(part.points_to_pixels(part.pixels_to_rays(uv)), uv, atol=1e-9)


def test_zeros_in_roi_and_binning_mean_the_whole_sensor() -> None:
    lens = camera(*LENSES['barrel'], binning_x=0, binning_y=0, roi=Roi(0, 0, 0, 0))
    assert (lens.image_width, lens.image_height, lens.roi) == (640, 480, None)


def test_pinhole_is_centred() -> None:
    lens = CameraModel.pinhole(640, 480, 320.0)
    np.testing.assert_allclose(lens.pixels_to_rays([[319.5, 239.5]]), [[0, 0, 1]])
    np.testing.assert_allclose(lens.points_to_pixels([[2.0, -1.0, 4.0]]), [[479.5, 159.5]])


def test_an_unnamed_lens_without_coefficients_is_a_pinhole() -> None:
    for model in ('', 'none'):
        np.testing.assert_allclose(camera(model, []).pixels_to_rays([[322.5, 238.25]]), [[0.0, 0.0, 1.0]])


LONG = [-0.2, 0.05, 1e-3, 1e-3, 0.01, 0.02, -0.01, 3e-3, 2e-3, -1e-3, 1e-3, 5e-4, 0.04, -0.03]
NAN = [np.nan]
SAME_LENS = {
    'plumb_bob of 8, the last zero': (('plumb_bob', LONG[:5]), ('plumb_bob', LONG[:5] + [0.0] * 3)),
    'plumb_bob of 12, the last zero': (('plumb_bob', LONG[:4]), ('plumb_bob', LONG[:4] + [0.0] * 8)),
    'plumb_bob of 14, the last zero': (('plumb_bob', LONG[:5]), ('plumb_bob', LONG[:5] + [0.0] * 9)),
    'plumb_bob of 6, the last zero': (('plumb_bob', LONG[:5]), ('plumb_bob', [*LONG[:5], 0.0])),
    'plumb_bob of 20, the last zero': (('plumb_bob', LONG[:14]), ('plumb_bob', LONG[:14] + [0.0] * 6)),
    'plumb_bob of 8': (('rational_polynomial', LONG[:8]), ('plumb_bob', LONG[:8])),
    'plumb_bob of 12': (('rational_polynomial', LONG[:12]), ('plumb_bob', LONG[:12])),
    'plumb_bob of 14': (('rational_polynomial', LONG), ('plumb_bob', LONG)),
    'rational of 4': (('plumb_bob', LONG[:4]), ('rational_polynomial', LONG[:4])),
    'rational of 5': (('plumb_bob', LONG[:5]), ('rational_polynomial', LONG[:5])),
    'rational of 9, the last zero': (
        ('rational_polynomial', LONG[:8]),
        ('rational_polynomial', [*LONG[:8], 0.0]),
    ),
    'equidistant of 5, the last zero': (('equidistant', LONG[:4]), ('equidistant', [*LONG[:4], 0.0])),
    'equidistant of 8, the last zero': (('equidistant', LONG[:4]), ('equidistant', LONG[:4] + [0.0] * 4)),
    'equidistant of 5 zeros': (('equidistant', [0.0] * 4), ('equidistant', [0.0] * 5)),
    'equidistant of none': (('equidistant', [0.0] * 4), ('equidistant', [])),
    'equidistant with NaN behind': (('equidistant', LONG[:4]), ('equidistant', LONG[:4] + NAN)),
    'plumb_bob with NaN behind': (('plumb_bob', LONG[:5]), ('plumb_bob', LONG[:5] + NAN * 3)),
    'zeros': (('plumb_bob', []), ('plumb_bob', [0.0] * 3)),
    'no model, zeros': (('plumb_bob', []), ('', [0.0] * 5)),
    'no model, NaN': (('plumb_bob', []), ('none', NAN * 5)),
    'None': (('plumb_bob', []), ('None', [0.0] * 5)),
    'upper case': (('plumb_bob', LONG[:5]), ('PLUMB_BOB', LONG[:5])),
    'with a space': (('rational_polynomial', LONG[:8]), ('Rational Polynomial', LONG[:8])),
    'fisheye': (('equidistant', LONG[:4]), ('fisheye', LONG[:4])),
    'Kannala Brandt4': (('equidistant', LONG[:4]), ('Kannala Brandt4', LONG[:4])),
    'Kannala-Brandt': (('equidistant', LONG[:4]), ('Kannala-Brandt', LONG[:4])),
    'Brown Conrady': (('plumb_bob', LONG[:5]), ('Brown Conrady', LONG[:5])),
    'Inverse Brown Conrady of zeros': (('plumb_bob', []), ('Inverse Brown Conrady', [0.0] * 5)),
}


@pytest.mark.parametrize('name', SAME_LENS)
def test_what_is_equivalent_is_the_same_lens(name: str) -> None:
    usual, other = SAME_LENS[name]
    rays = camera(*usual).pixels_to_rays(every_pixel())
    assert np.isfinite(rays).mean() > 0.9
    np.testing.assert_array_equal(camera(*other).pixels_to_rays(every_pixel()), rays)
    if usual[0] != 'equidistant':
        d = np.array([*(value for value in other[1] if np.isfinite(value)), *[0.0] * 14])[:14]
        seen = np.isfinite(rays).all(axis=1)
        projected = cv2.projectPoints(rays[seen][:, None], np.zeros(3), np.zeros(3), K, d)[0][:, 0]
        np.testing.assert_allclose(projected, every_pixel()[seen], atol=1e-6)


@given(st.lists(st.floats(-0.02, 0.02), min_size=14, max_size=14), st.sampled_from([4, 5, 8, 12, 14]))
def test_any_coefficients_agree_with_opencv(values: list[float], length: int) -> None:
    d = np.array(values[:length])
    points = np.column_stack([every_pixel(80) / 400.0 - [0.8, 0.6], np.full(48, 1.0)])
    expected = cv2.projectPoints(points[:, None], np.zeros(3), np.zeros(3), K, d)[0][:, 0]
    np.testing.assert_allclose(camera('plumb_bob', list(d)).points_to_pixels(points), expected, atol=1e-6)
    tail = camera('rational_polynomial', [*d, *[0.0] * (16 - length)])
    np.testing.assert_allclose(tail.points_to_pixels(points), expected, atol=1e-6)


def test_values_that_are_not_used_may_be_anything() -> None:
    usual = camera(*LENSES['barrel'])
    rotated = cv2.Rodrigues(np.array([0.1, 0.2, 0.0]))[0]
    for r, p in ((np.full((3, 3), np.nan), np.full((3, 4), np.nan)), (rotated, np.ones((3, 4)))):
        odd = CameraModel(640, 480, *LENSES['barrel'], K, r, p)
        np.testing.assert_array_equal(odd.pixels_to_rays(every_pixel()), usual.pixels_to_rays(every_pixel()))


def _k(**cells: float) -> np.ndarray:
    k = K.copy()
    for name, value in cells.items():
        k[int(name[1]), int(name[2])] = value
    return k


BROKEN = {
    'not calibrated': ({'k': np.zeros((3, 3))}, 'camera_info_url'),
    'identity': ({'k': np.eye(3)}, 'not calibrated'),
    'in image sizes': ({'k': K / [[640.0], [480.0], [1.0]]}, 'in pixels'),
    'nan in use': ({'d': [0.1, np.nan, 0.0, 0.0, 0.0]}, 'CameraInfo.d: expected finite'),
    'infinity behind': ({'d': [0.1, 0.0, 0.0, 0.0, 0.0, np.inf, 0.0, 0.0]}, 'CameraInfo.d: expected finite'),
    'one of three': ({'d': [0.1, 0.0, 0.0]}, 'got 3'),
    'more than any lens': ({'d': [0.1] * 15}, 'got 15'),
    'rational without the last': (
        {'distortion_model': 'rational_polynomial', 'd': [0.1] * 7},
        'expected 4, 5, 8, 12 or 14 coefficients for rational_polynomial, got 7',
    ),
    'another fisheye': ({'distortion_model': 'ftheta', 'd': []}, 'not supported'),
    'another distortion': ({'distortion_model': 'Inverse Brown Conrady'}, 'Inverse Brown Conrady'),
    'negative focal length': ({'k': _k(k11=-1.0)}, 'recalibrate'),
    'skew': ({'k': _k(k01=2.0)}, 'skew'),
    'not finite': ({'k': _k(k02=np.nan)}, 'finite'),
    'no size': ({'width': 0}, '0x480'),
    'wrong number of coefficients': (
        {'d': [0.1] * 6},
        'expected 4, 5, 8, 12 or 14 coefficients for plumb_bob',
    ),
    'fisheye with five': (
        {'distortion_model': 'equidistant'},
        'expected 4 coefficients for equidistant, got 5',
    ),
    'unknown model': ({'distortion_model': 'thin_prism_fisheye'}, 'equidistant'),
    'coefficients without a model': ({'distortion_model': ''}, 'plumb_bob'),
    'roi outside': ({'roi': Roi(600, 0, 100, 100)}, 'within 640x480'),
    'roi without size': ({'roi': Roi(10, 10, 0, 0)}, 'within 640x480'),
    'negative binning': ({'binning_x': -1}, 'binning_x'),
    'k of 8': ({'k': np.ones(8)}, 'CameraInfo.k'),
}


@pytest.mark.parametrize('name', BROKEN)
def test_a_camera_info_that_is_none_is_refused_with_the_reason(name: str) -> None:
    change, reason = BROKEN[name]
    model, d = LENSES['barrel']
    matrices = {'k': K, 'r': np.eye(3), 'p': np.eye(3, 4)}
    values = {'width': 640, 'height': 480, 'distortion_model': model, 'd': d, **matrices}
    CameraModel(**values)
    with pytest.raises(CalibrationError, match=reason):
        CameraModel(**(values | change))


def test_shapes_are_checked() -> None:
    lens = CameraModel.pinhole(640, 480, 320.0)
    with pytest.raises(ValueError, match=r'\(N, 2\)'):
        lens.pixels_to_rays([1.0, 2.0])
    with pytest.raises(ValueError, match=r'\(N, 3\)'):
        lens.points_to_pixels([[1.0, 2.0]])
