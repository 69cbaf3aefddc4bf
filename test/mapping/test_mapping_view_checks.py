"""Calibrations and poses that give a wrong map or none are described, and usual ones are not."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from mapping_scenes import distorted, mounted, no_boxes, pinhole, standing

from stream_infer_ros.cameras.camera_model import CameraModel
from stream_infer_ros.cameras.rigid_transform import RigidTransform
from stream_infer_ros.inference.detections import Perception
from stream_infer_ros.mapping import View
from stream_infer_ros.mapping.ground import pixels_to_ground
from stream_infer_ros.mapping.ground_sight import GroundSight
from stream_infer_ros.mapping.shared_places import shared_place_problems
from stream_infer_ros.mapping.view_checks import BODY_FROM_OPTICAL, view_problems
from stream_infer_ros.mapping.view_problem import ViewProblemKind

RANGE_M = 8.0


def fisheye(fx: float = 200.0) -> CameraModel:
    k = np.array([[fx, 0.0, 319.5], [0.0, fx, 239.5], [0.0, 0.0, 1.0]])
    return CameraModel(640, 480, 'equidistant', np.zeros(4), k, np.eye(3), np.zeros((3, 4)))


def view(pose: RigidTransform, model=None, camera='front', frame_id='front_optical') -> View:
    return View(camera, 0, model or pinhole(), pose, standing(), Perception(no_boxes()), frame_id)


def body(pose: RigidTransform) -> RigidTransform:
    """Return the pose of the body frame (x forward) of a camera whose optical frame has this pose."""
    return pose @ BODY_FROM_OPTICAL.inverse()


def found(pose: RigidTransform, model=None, **more) -> dict[str, str]:
    return {problem.kind.value: str(problem) for problem in view_problems(view(pose, model, **more), RANGE_M)}


@pytest.mark.parametrize(
    'model', [pinhole(), distorted(), fisheye()], ids=['pinhole', 'distorted', 'fisheye']
)
@pytest.mark.parametrize('pitch_deg', [0.0, 12.0, 45.0, 80.0, 90.0])
@pytest.mark.parametrize('roll_deg', [0.0, -20.0, 35.0])
def test_a_usual_camera_has_no_problem(model, pitch_deg, roll_deg):
    assert found(mounted(70.0, pitch_deg, roll_deg, 0.9, 0.3, -0.2), model) == {}


@pytest.mark.parametrize('model', [pinhole(), distorted(), pinhole(110.0)])
@pytest.mark.parametrize('pitch_deg', [0.0, 10.0, 20.0])
def test_the_body_frame_instead_of_the_optical_one(model, pitch_deg):
    problems = found(body(mounted(-40.0, pitch_deg)), model, frame_id='front_link')
    assert list(problems) == ['no_ground']
    assert "sees no ground from frame 'front_link'" in problems['no_ground']
    assert 'body of the camera (x forward, z up)' in problems['no_ground']


def test_the_optical_frame_below_the_body_frame_is_named():
    frames = {
        'front_depth_optical_frame': RigidTransform.identity(),
        'front_optical_frame': BODY_FROM_OPTICAL,
    }
    [problem] = view_problems(view(body(mounted()), frame_id='front_link'), RANGE_M, frames)
    assert problem.kind is ViewProblemKind.NO_GROUND
    assert "'front_optical_frame' is one" in problem.remedy


def test_a_body_frame_that_sees_some_ground_is_told_too():
    """A fisheye that seems to look up still sees the ground around it."""
    frames = {'front_optical_frame': BODY_FROM_OPTICAL}
    pose = body(mounted(pitch_deg=50.0, height_m=1.5))
    problems = view_problems(view(pose, fisheye(150.0), frame_id='front_link'), RANGE_M, frames)
    assert ViewProblemKind.NOT_OPTICAL in [problem.kind for problem in problems]


@pytest.mark.parametrize('pitch_deg', [-40.0, -70.0, -90.0])
def test_a_camera_that_looks_up(pitch_deg):
    problem = found(mounted(pitch_deg=pitch_deg))['no_ground']
    assert f'{-pitch_deg:.0f} degrees up' in problem


@pytest.mark.parametrize('yaw_deg', [0.0, 90.0, 120.0])
def test_parent_and_child_swapped(yaw_deg):
    pose = mounted(yaw_deg, pitch_deg=10.0)
    [problem] = found(RigidTransform(pose.rotation.T, pose.translation)).values()
    assert 'are parent and child' in problem


@pytest.mark.parametrize('height_m', [0.0, 0.005, -0.2, -3.0])
def test_a_camera_in_the_ground(height_m):
    problem = found(mounted(height_m=height_m))['below_ground']
    assert 'map.ground_z_m' in problem
    assert 'base_footprint' in problem


def test_a_camera_that_touches_the_ground_is_doubtful_and_still_mapped():
    [problem] = view_problems(view(mounted(height_m=0.03)), RANGE_M)
    assert problem.kind is ViewProblemKind.HEIGHT
    assert not problem.kind.blocks


def test_ground_beyond_the_range():
    assert 'map.range_m' in found(mounted(pitch_deg=10.0, height_m=10.0))['no_ground']
    assert 'metres' in found(mounted(pitch_deg=10.0, height_m=900.0))['no_ground']


@pytest.mark.parametrize('roll_deg', [180.0, 150.0, -140.0])
@pytest.mark.parametrize('pitch_deg', [0.0, 20.0, 50.0])
def test_upside_down(roll_deg, pitch_deg):
    problems = found(mounted(10.0, pitch_deg, roll_deg))
    assert list(problems) == ['upside_down']
    assert f'{abs(roll_deg):.0f} degrees' in problems['upside_down']


@pytest.mark.parametrize('roll_deg', [90.0, -90.0, 70.0])
def test_on_its_side(roll_deg):
    assert list(found(mounted(10.0, 12.0, roll_deg))) == ['sideways']


@pytest.mark.parametrize('scale', [0.5, 1.5, 2.0])
def test_a_calibration_for_another_resolution(scale):
    k = pinhole().k * np.array([[scale], [scale], [1.0]])
    model = CameraModel(640, 480, '', [], k, np.eye(3), np.zeros((3, 4)))
    assert 'another resolution' in found(mounted(), model)['calibration_doubtful']


def test_a_distortion_that_ends_within_the_image():
    k = np.array([[300.0, 0.0, 320.0], [0.0, 300.0, 240.0], [0.0, 0.0, 1.0]])
    model = CameraModel(640, 480, 'plumb_bob', [-0.5, 0.0, 0.0, 0.0], k, np.eye(3), np.zeros((3, 4)))
    problem = found(mounted(), model)['calibration_doubtful']
    share = np.isnan(
        model.pixels_to_rays(np.stack(np.mgrid[0:640:8, 0:480:8], -1).reshape(-1, 2))[:, 0]
    ).mean()
    told = float(problem.partition('%')[0].split()[-1]) / 100
    assert abs(told - share) < 0.05


def test_a_round_fisheye_image_is_no_problem():
    """The corners of the image are black: the circle of the lens ends before them."""
    assert found(mounted(), fisheye(120.0)) == {}


def test_two_cameras_with_one_frame():
    views = [
        view(mounted(), camera='front', frame_id='camera'),
        view(mounted(), camera='left', frame_id='/camera'),
        view(mounted(90.0), camera='right', frame_id='right'),
    ]
    problems = shared_place_problems(views)
    assert [problem.camera for problem in problems] == ['front', 'left']
    assert all("camera' so that" in problem.cause.replace(',', '') for problem in problems)
    assert all('front' in problem.cause and 'left' in problem.cause for problem in problems)


def test_two_frames_at_one_place():
    views = [
        view(mounted(), camera='front', frame_id='front_frame'),
        view(mounted(), camera='left', frame_id='left_frame'),
        view(mounted(height_m=1.0), camera='above', frame_id='above_frame'),
    ]
    problems = shared_place_problems(views)
    assert [problem.camera for problem in problems] == ['front', 'left']
    assert 'look the same way' in problems[0].cause
    assert "'front_frame'" in problems[0].remedy


@given(
    st.floats(-math.pi, math.pi),
    st.floats(-0.5, 1.5),
    st.floats(-math.pi, math.pi),
    st.floats(0.1, 3.0),
)
def test_the_sight_agrees_with_the_projection_of_every_pixel(yaw, pitch, roll, height_m):
    pose = mounted(*np.degrees([yaw, pitch, roll]), height_m=height_m)
    model = pinhole()
    sight = GroundSight.of(model, pose)
    u, v = np.meshgrid(np.linspace(-0.5, 639.5, 33), np.linspace(-0.5, 479.5, 33))
    ground = pixels_to_ground(model, pose, np.stack([u, v], -1).reshape(-1, 2))
    sees = np.isfinite(ground[:, 0])
    assert abs(sight.ground_share - sees.mean()) < 0.08
    assert math.isclose(sight.elevation_rad, -pitch, abs_tol=1e-9) or abs(pitch) > math.pi / 2
    if sees.any() and math.isfinite(sight.nearest_m):
        nearest = np.hypot(*(ground[sees] - pose.translation[:2]).T).min()
        assert sight.nearest_m <= nearest * 1.1 + 0.2 * height_m
    if sight.roll_rad is not None and abs(pitch) < 1.2:
        assert abs(math.remainder(sight.roll_rad - roll, math.tau)) < 1e-6
