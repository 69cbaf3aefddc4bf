"""The renderer against a ray caster that knows no painter's order, and against REP-103."""

import math
from dataclasses import replace

import cv2
import numpy as np
import pytest

from stream_infer_ros.cameras.camera_model import CameraModel
from stream_infer_ros.cameras.rigid_transform import RigidTransform
from stream_infer_ros.errors import WorldError
from stream_infer_ros.simulation import World, render, surround_rig, visible_objects
from stream_infer_ros.simulation.rig import base_from_optical, with_uneven_sensors
from stream_infer_ros.simulation.textures import STRIPES

SKY, GROUND = -1, -2


@pytest.fixture(scope='module')
def world():
    return World(4)


@pytest.fixture(scope='module')
def rig():
    return surround_rig(6, 320, 240)


def base_at(x, y, yaw):
    return RigidTransform.from_xyz_rpy((x, y, 0), (0, 0, yaw))


def cast(state, origin, direction):
    """Object hit first by a ray: every face cut into triangles (Moeller, Trumbore); no culling, no order."""
    corners = state.faces.corners.astype(np.float64)
    a = np.repeat(corners[:, :1], 6, 1).reshape(-1, 3)
    b, c = corners[:, 1:7].reshape(-1, 3), corners[:, 2:8].reshape(-1, 3)
    owner = np.repeat(state.faces.object_ids, 6)
    ab, ac = b - a, c - a
    p = np.cross(direction, ac)
    det = (ab * p).sum(1)
    usable = np.abs(det) > 1e-12
    inverse = 1 / np.where(usable, det, 1)
    s = origin - a
    u = (s * p).sum(1) * inverse
    q = np.cross(s, ab)
    v = (q @ direction) * inverse
    t = (ac * q).sum(1) * inverse
    hit = usable & (u >= 0) & (v >= 0) & (u + v <= 1) & (t > 1e-6)
    ground = -origin[2] / direction[2] if direction[2] < -1e-3 else math.inf
    nearest = np.where(hit, t, math.inf)
    k = int(nearest.argmin())
    if nearest[k] < ground:
        return int(owner[k]), float(nearest[k])
    return (GROUND, ground) if ground < math.inf else (SKY, math.inf)


@pytest.mark.parametrize(('t_s', 'camera'), [(2.0, 0), (17.0, 1), (33.0, 3), (48.0, 5)])
def test_every_pixel_shows_what_a_ray_hits_first(world, rig, t_s, camera):
    state, odom_from_base = world.at(t_s), world.odom_from_base(t_s)
    view = render(state, rig[camera], odom_from_base)
    object_id, depth = view.object_id, view.depth_m
    odom_from_camera = odom_from_base @ rig[camera].base_from_camera
    rng = np.random.default_rng(5)
    pixels = np.column_stack([rng.integers(0, 320, 150), rng.integers(60, 240, 150)])
    rays = rig[camera].model.pixels_to_rays(pixels)
    wrong, off = 0, []
    for (u, v), ray in zip(pixels, rays, strict=True):
        seen, reach = cast(state, odom_from_camera.translation, odom_from_camera.rotation @ ray)
        wrong += seen != object_id[v, u]
        if seen == object_id[v, u] and seen != SKY:
            off.append(abs(depth[v, u] - reach * ray[2]) / (reach * ray[2]))
    assert wrong <= 4  # pixels cut by an edge
    assert np.median(off) < 1e-4
    assert np.quantile(off, 0.95) < 0.02


def only(state, object_id):
    """The same moment with everything else taken away."""
    own = state.faces.object_ids == object_id
    faces = type(state.faces)(*(getattr(state.faces, name)[own] for name in state.faces.__slots__))
    return replace(state, faces=faces)


def test_the_parts_of_a_thing_hide_each_other_as_they_should(world, rig):
    """Arms before the chest, wheels before the hull: depths against the ray caster, from all round."""
    state = world.at(8.0)
    wrong, n = 0, 0
    rng = np.random.default_rng(2)
    for class_id in range(4):
        i = int(np.flatnonzero(world.class_ids == class_id)[-1])
        alone = only(state, i)
        x, y, _ = state.poses[i]
        distance = world.objects[i].body.radius_m + 2.5
        for bearing in np.arange(0.3, 6.3, 0.7):
            odom_from_base = base_at(
                x - distance * math.cos(bearing), y - distance * math.sin(bearing), bearing
            )
            view = render(alone, rig[0], odom_from_base)
            v, u = np.nonzero(view.object_id == i)
            depth = view.depth_m
            odom_from_camera = odom_from_base @ rig[0].base_from_camera
            for k in rng.integers(0, len(u), 12):
                ray = rig[0].model.pixels_to_rays([[u[k], v[k]]])[0]
                seen, reach = cast(alone, odom_from_camera.translation, odom_from_camera.rotation @ ray)
                if seen == i:
                    wrong += abs(depth[v[k], u[k]] - reach * ray[2]) > 0.05
                    n += 1
    assert n > 350
    assert wrong / n < 0.03


def test_patterns_lie_straight_on_walls():
    """Stripes run level and bricks in courses: rows of a wall seen head on differ more than its columns."""
    world = next(w for w in map(World, range(30)) if w.objects[0].body.parts[0].texture == STRIPES)
    i = next(k for k, o in enumerate(world.objects) if abs(o.yaw_rad) < 0.1 and abs(o.x_m) < 2)
    x, y, _ = world.at(0).poses[i]
    level = replace(surround_rig(1, 320, 240)[0], base_from_camera=base_from_optical((0, 0, 0.8), 0, 0))
    image = render(world.at(0), level, base_at(x, y + 1.5, -math.pi / 2)).image[60:180, 80:240].mean(-1)
    assert image.mean(1).std() > 3 * image.mean(0).std()


def test_what_is_ahead_is_in_the_middle_of_cam0_and_what_is_left_is_in_cam1(world, rig):
    """REP-103: base x forward, y left, z up; the cameras counter-clockwise from ahead."""
    checked = 0
    state = world.at(0.0)
    for i, (x, y, _) in enumerate(state.poses):
        thing = world.objects[i]
        if thing.body.class_id < 0 or max(abs(x), abs(y)) > 15:
            continue
        distance = thing.body.radius_m + 1.2
        facing = base_at(x - distance, y, 0.0)
        if visible_objects(state, rig[0], facing)[:, 160].tolist().count(i) < 10:
            continue  # something stands between
        checked += 1
        turned = base_at(x - distance, y, math.radians(-60))  # now it is 60 degrees to the left
        assert (visible_objects(state, rig[1], turned)[:, 160] == i).sum() >= 10
        near_left = visible_objects(state, rig[0], base_at(x - distance, y, math.radians(-20)))
        columns = np.flatnonzero((near_left == i).any(0))
        assert columns.mean() < 160
    assert checked >= 5


def test_the_rig_looks_where_it_says():
    for i, camera in enumerate(surround_rig(6)):
        assert camera.name == f'cam{i}'
        yaw = math.radians(60 * i)
        level = camera.base_from_camera.inverse().apply([[5 * math.cos(yaw), 5 * math.sin(yaw), 0.0]])
        (u, v), *_ = camera.model.points_to_pixels(level)
        assert u == pytest.approx(319.5)
        # 0.9 m up, 4.75 m away, pitched 12 degrees down
        assert v == pytest.approx(239.5 + camera.model.k[0, 0] * math.tan(math.atan2(0.9, 4.75) - 0.2094395))
        side = camera.base_from_link.apply([[1.0, 0.5, 0.0]])
        assert camera.model.points_to_pixels(camera.base_from_camera.inverse().apply(side))[0, 0] < 319.5
        hfov = 2 * math.atan(320 / camera.model.k[0, 0])
        assert math.degrees(hfov) == pytest.approx(75)


@pytest.mark.parametrize('n', [1, 2, 4, 6, 8, 12])
def test_rigs_leave_no_gap_between_neighbours_from_four_on(n):
    rig = surround_rig(n)
    assert len(rig) == n
    hfov = math.degrees(2 * math.atan(320 / rig[0].model.k[0, 0]))
    assert n < 4 or hfov > 360 / n


def test_rendering_leaves_no_trace(world, rig):
    """Caches depend on the view: another camera in between, tilted and higher, changes nothing."""
    state, odom_from_base = world.at(5.0), world.odom_from_base(5.0)
    before = render(state, rig[2], odom_from_base, np.random.default_rng(1))
    tilted = replace(rig[2], base_from_camera=base_from_optical((0.1, 0, 1.5), 0.3, 0.1, 0.2))
    other = render(state, tilted, odom_from_base)
    after = render(state, rig[2], odom_from_base, np.random.default_rng(1))
    assert np.array_equal(before.image, after.image)
    assert np.array_equal(before.object_id, after.object_id)
    assert not np.array_equal(before.object_id, other.object_id)


def test_a_rolled_camera_has_a_slanted_horizon(world, rig):
    rolled = replace(rig[0], base_from_camera=base_from_optical((0, 0, 0.9), 0, 0.05, math.radians(10)))
    # Beside the yard, looking away from it: nothing but ground and sky.
    object_id = visible_objects(world.at(0), rolled, base_at(30, 0, 0))
    assert set(np.unique(object_id)) == {SKY, GROUND}
    horizon = (object_id == SKY).sum(0)
    slope = np.polyfit(np.arange(320), horizon, 1)[0]
    # Rolled clockwise, the world turns the other way: the horizon rises to the right.
    assert slope == pytest.approx(-math.tan(math.radians(10)), abs=0.01)


def test_noise_is_drawn_from_the_generator_only(world, rig):
    state, odom_from_base = world.at(1.0), world.odom_from_base(1.0)
    clean = render(state, rig[0], odom_from_base).image
    one, same, other = (
        render(state, rig[0], odom_from_base, np.random.default_rng(s)).image for s in (1, 1, 2)
    )
    assert np.array_equal(one, same)
    assert not np.array_equal(one, other)
    inside = (clean > 20) & (clean < 235)
    noise = (one.astype(int) - clean)[inside]
    assert abs(noise.mean()) < 0.05
    assert noise.std() == pytest.approx(rig[0].noise_std, rel=0.05)


def test_gain_and_white_balance_scale_the_light(world, rig):
    state, odom_from_base = world.at(1.0), world.odom_from_base(1.0)
    plain = render(state, rig[0], odom_from_base).image.astype(float)
    tinted = replace(rig[0], gain=0.5, white_balance=(1.0, 0.8, 1.2))
    image = render(state, tinted, odom_from_base).image
    assert np.abs(image - (plain * [0.5, 0.4, 0.6])).max() <= 0.51


def test_uneven_sensors_differ_and_follow_their_seed(rig):
    one, same = with_uneven_sensors(rig, 3), with_uneven_sensors(rig, 3)
    assert [c.gain for c in one] == [c.gain for c in same]
    assert len({c.gain for c in one}) == 6
    assert all(a.base_from_camera is b.base_from_camera for a, b in zip(rig, one, strict=True))


def test_shadows_lie_away_from_the_sun():
    world = next(w for w in map(World, range(20)) if w.light.shadow < 0.7 and w.light.haze_per_m == 0)
    state = world.at(0.0)
    darkened = 0
    for i, thing in enumerate(world.objects):
        if state.is_moving(i) or thing.body.class_id != 3 or thing.body.height_m < 0.8:
            continue
        tip = state.poses[i, :2] + world.light.shadow_shift(thing.body.height_m) * 0.9
        sunny = state.poses[i, :2] - world.light.shadow_shift(thing.body.height_m) * 0.9
        texels = [tuple(((p + 20) * 32).astype(int)[::-1]) for p in (tip, sunny)]
        if all(0 <= v < 1280 for texel in texels for v in texel):
            dark, bright = (cv2.blur(world.ground.fine, (5, 5))[texel][:3].mean() for texel in texels)
            darkened += 1 if dark < 0.85 * bright else -1
    assert darkened > 3


def test_only_pinholes_are_rendered(world, rig):
    model = rig[0].model
    bent = CameraModel(320, 240, 'plumb_bob', np.array([0.1, 0, 0, 0, 0]), model.k, model.r, model.p)
    with pytest.raises(WorldError, match='pinhole'):
        render(world.at(0), replace(rig[0], model=bent), world.odom_from_base(0))


@pytest.mark.parametrize('arguments', [(0,), (13,), (6, 8, 8), (6, 640, 480, 3.0)])
def test_impossible_rigs_are_refused(arguments):
    with pytest.raises(WorldError, match='expected'):
        surround_rig(*arguments)
