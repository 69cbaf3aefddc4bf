"""Segmentation networks: where the ground ends in each column, in source pixels."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from network_pixels import to_network

from stream_infer_ros.config import ModelConfig
from stream_infer_ros.errors import ModelError
from stream_infer_ros.inference import (
    EngineIo,
    FreeSpace,
    Perception,
    TensorInfo,
    Thresholds,
    fit,
    make_decoder,
    network_card,
)
from stream_infer_ros.inference.decoders.ground import boundary_rows

THRESHOLDS = Thresholds.of(ModelConfig())
WIDTH, HEIGHT = 128, 96
NAMES = ('road', 'sidewalk', 'building', 'sky')
NAMED = {'class_names': ','.join(NAMES)}


def network(
    shape: tuple[int, ...],
    dtype: str = 'float32',
    metadata: dict[str, str] | None = None,
    **more: tuple[int, ...],
) -> EngineIo:
    return EngineIo(
        (TensorInfo('pixel_values', 'float32', (-1, 3, HEIGHT, WIDTH)),),
        (TensorInfo('logits', dtype, shape), *(TensorInfo(name, dtype, it) for name, it in more.items())),
        NAMED if metadata is None else metadata,
    )


def classes_of(rows: np.ndarray, stride: int) -> np.ndarray:
    """(h, w) class ids: building above the boundary row (network pixels from the top edge), below it road
    on the left and sidewalk on the right.
    """
    v = (np.arange(HEIGHT // stride) + 0.5) * stride
    boundary = rows.reshape(-1, stride).mean(axis=1)
    ground = np.where(np.arange(WIDTH // stride) < WIDTH // stride // 2, 0, 1)
    return np.where(v[:, None] > boundary, ground, 2)


def logits_of(classes: np.ndarray, count: int = 4, sure: float = 8.0) -> np.ndarray:
    return np.moveaxis(np.eye(count)[classes], -1, 0).astype(np.float32) * sure


def see(
    io: EngineIo, output: np.ndarray, size=(WIDTH, HEIGHT), how='stretch'
) -> tuple[FreeSpace, Perception]:
    decoder = make_decoder(ModelConfig(), io)
    (perception,) = decoder.decode({'logits': output[None]}, [fit(*size, WIDTH, HEIGHT, how)], THRESHOLDS)
    assert len(perception.detections) == 0
    return perception.free_space, perception


FORMS = {
    'logits at a quarter': (4, logits_of, (-1, 4, 24, 32), 'float32'),
    'logits in float16': (
        4,
        lambda classes: logits_of(classes).astype(np.float16),
        (-1, 4, 24, 32),
        'float16',
    ),
    'logits at an eighth': (8, logits_of, (-1, 4, 12, 16), 'float32'),
    'logits of every pixel': (1, logits_of, (-1, 4, 96, 128), 'float32'),
    'probabilities': (4, lambda classes: logits_of(classes, sure=1.0), (-1, 4, 24, 32), 'float32'),
    'channels last': (4, lambda classes: np.moveaxis(logits_of(classes), 0, -1), (-1, 24, 32, 4), 'float32'),
    'free shapes': (4, logits_of, (-1, -1, -1, -1), 'float32'),
    'classes': (1, lambda classes: classes, (-1, 96, 128), 'int64'),
    'classes in bytes': (1, lambda classes: classes.astype(np.uint8), (-1, 96, 128), 'uint8'),
    'classes in a plane': (1, lambda classes: classes[None], (-1, 1, 96, 128), 'int64'),
    'classes as floats': (4, lambda classes: classes.astype(np.float32), (-1, 24, 32), 'float32'),
}


@pytest.mark.parametrize('form', FORMS)
@pytest.mark.parametrize('how', ['stretch', 'letterbox', 'corner'])
@pytest.mark.parametrize('size', [(128, 96), (640, 480), (1920, 1080), (480, 640)])
def test_the_boundary_lies_where_the_ground_ends_whatever_the_fit(form, how, size):
    stride, make, shape, dtype = FORMS[form]
    io = network(shape, dtype)
    assert network_card(ModelConfig(), io).family == 'segmentation'
    rows = 48.0 + 0.2 * np.arange(WIDTH)  # a slope, network pixels
    letterbox = fit(*size, WIDTH, HEIGHT, how)
    free_space, perception = see(io, make(classes_of(rows, stride)), size, how)
    inside = to_network(letterbox, np.stack([free_space.column_u, free_space.boundary_v], 1))
    last = letterbox.pad_v + letterbox.resized_height - 0.5
    expected = np.minimum(48.0 + 0.2 * (inside[:, 0] + 0.5) - 0.5, last)
    np.testing.assert_allclose(inside[:, 1], expected, atol=0.75 * max(stride, 2))
    # The columns cover the image evenly, and the mask the image and not the padding.
    pitch = size[0] / len(free_space.column_u)
    np.testing.assert_allclose(
        free_space.column_u, (np.arange(len(free_space.column_u)) + 0.5) * pitch - 0.5, rtol=1e-5
    )
    assert pitch == pytest.approx(max(stride, 4) / letterbox.scale_u, rel=0.1)
    assert (free_space.confidence > 0.7).all()
    assert free_space.ground.dtype == np.float32
    ratio = free_space.ground.shape[1] / free_space.ground.shape[0]
    assert ratio == pytest.approx(letterbox.resized_width / letterbox.resized_height, rel=0.15)
    assert perception.invalid == 0
    assert perception.detections.class_names == NAMES


def test_an_obstacle_ends_the_ground_though_there_is_more_behind_it():
    classes = np.zeros((24, 32), int)
    classes[:8] = 3
    classes[14:17, 10:14] = 2
    free_space, _ = see(network((-1, 4, 24, 32)), logits_of(classes))
    assert len(free_space.boundary_v) == 32
    np.testing.assert_allclose(free_space.boundary_v[10:14], 17 * 4 - 0.5, atol=0.1)
    np.testing.assert_allclose(free_space.boundary_v[:10], 8 * 4 - 0.5, atol=0.1)
    np.testing.assert_allclose(free_space.ground[20], 1.0, atol=0.01)
    assert (free_space.ground[15, 10:14] < 0.01).all()


def test_no_ground_at_all_and_nothing_else():
    blocked, _ = see(network((-1, 4, 24, 32)), logits_of(np.full((24, 32), 2)))
    assert (blocked.boundary_v == HEIGHT - 0.5).all()
    assert (blocked.confidence > 0.9).all()
    free, _ = see(network((-1, 4, 24, 32)), logits_of(np.zeros((24, 32), int)))
    assert (free.boundary_v == -0.5).all()


def test_a_doubtful_network_says_so():
    flat, _ = see(network((-1, 4, 24, 32)), logits_of(classes_of(np.full(WIDTH, 48.0), 4), sure=0.1))
    assert (flat.confidence < 0.3).all()


def test_one_map_of_the_drivable_area():
    probability = (classes_of(np.full(WIDTH, 40.0), 4) < 2).astype(np.float32)
    names = {'class_names': 'drivable'}
    for output, metadata in (
        (probability, names),
        (probability, {'class_names': 'lawn', 'ground_classes': 'lawn'}),
        (20 * probability - 10, names),
    ):
        free_space, _ = see(network((-1, 1, 24, 32), metadata=metadata), output[None])
        np.testing.assert_allclose(free_space.boundary_v, 39.5, atol=0.2)


def test_one_map_may_be_of_anything_else():
    """Depth networks and those that cut people out have the same outputs: they are not driven on."""
    for shape in ((-1, 1, 24, 32), (-1, 24, 32)):
        with pytest.raises(ModelError, match=r'is the one map of this network, logits .*\? If it is, set'):
            make_decoder(ModelConfig(), network(shape, metadata={}))
        with pytest.raises(ModelError, match=r'are ground to drive on.* classes are person;'):
            make_decoder(ModelConfig(), network(shape, metadata={'class_names': 'person'}))


class TestWhichClassesAreGround:
    def ground_of(self, metadata: dict[str, str]) -> np.ndarray:
        classes = np.repeat(np.arange(4), 8)[None].repeat(24, axis=0)
        free_space, _ = see(network((-1, 4, 24, 32), metadata=metadata), logits_of(classes))
        return free_space.ground[12, 4::8] > 0.5

    def test_those_called_so(self):
        assert self.ground_of(NAMED).tolist() == [True, True, False, False]
        ade20k = {'class_names': str(['wall', 'floor, flooring', 'earth, ground', 'grass'])}
        assert self.ground_of(ade20k).tolist() == [False, True, True, False]

    def test_those_the_card_names(self):
        assert self.ground_of({**NAMED, 'ground_classes': 'road'}).tolist() == [True, False, False, False]

    def test_else_it_is_asked(self):
        with pytest.raises(ModelError, match='which classes of this segmentation network are ground'):
            self.ground_of({})
        with pytest.raises(ModelError, match='among road, sidewalk, building, sky, got lawn'):
            self.ground_of({**NAMED, 'ground_classes': 'road,lawn'})
        with pytest.raises(ModelError, match='how many classes has this segmentation network'):
            make_decoder(ModelConfig(), network((-1, -1, -1, -1), metadata={}))


def test_columns_of_broken_numbers_say_nothing_and_are_counted():
    logits = logits_of(classes_of(np.full(WIDTH, 48.0), 4))
    logits[1, 5, 7] = np.nan
    logits[:, 20, 9] = np.inf
    free_space, perception = see(network((-1, 4, 24, 32)), logits)
    assert np.flatnonzero(free_space.confidence == 0.0).tolist() == [7, 9]
    assert (free_space.boundary_v[[7, 9]] == HEIGHT - 0.5).all()
    assert perception.invalid == 2
    assert np.isfinite(free_space.ground).all()


@given(
    st.integers(0, 2**32 - 1),
    st.sampled_from([(640, 480), (100, 30), (30, 100)]),
    st.sampled_from(list(FORMS)),
)
@settings(max_examples=40)
def test_garbage_in_gives_rows_inside_the_image(seed, size, form):
    _, make, shape, dtype = FORMS[form]
    rng = np.random.default_rng(seed)
    output = (
        make(np.zeros(tuple(WIDTH // 4 if n == 32 else n for n in (24, 32)), int)) if shape[1] < 0 else None
    )
    shape = output.shape if output is not None else shape[1:]
    values = (
        [0, 0.5, 1, 3, -2, 6e4, np.nan, np.inf, -np.inf]
        if 'float' in dtype
        else [0, 1, 2, 3, 4, 200]
        if dtype == 'uint8'
        else [-5, 0, 1, 2, 3, 900]
    )
    io = network(FORMS[form][2], dtype)
    free_space, _ = see(io, rng.choice(np.array(values).astype(dtype), shape), size, 'letterbox')
    assert ((free_space.boundary_v >= -0.5) & (free_space.boundary_v <= size[1] - 0.5)).all()
    for probability in (free_space.confidence, free_space.ground):
        assert ((probability >= 0) & (probability <= 1)).all()


def test_rows_between_cells():
    column = np.array([[0.0], [0.25], [0.75], [1.0]], np.float32)
    row, confidence = boundary_rows(column)
    assert row.tolist() == [1.5]
    assert confidence.tolist() == [1.0]
    blocked_row, blocked = boundary_rows(np.array([[0.0], [0.0], [0.125], [0.375]], np.float32))
    assert blocked_row.tolist() == [3.5]
    assert blocked.tolist() == [0.75]


def test_an_auxiliary_head_is_left_aside_and_heads_by_stride_are_no_maps():
    io = network((-1, 4, 24, 32), aux=(-1, 4, 24, 32))
    assert network_card(ModelConfig(), io).family == 'segmentation'
    with pytest.raises(ModelError, match='which family'):
        network_card(ModelConfig(), network((-1, 4, 24, 32), aux=(-1, 4, 12, 16)))


def test_other_networks_are_not_taken_for_maps():
    for shape in ((-1, 1000, 1, 1), (-1, 84, 253), (-1, 4, 24, 24)):
        with pytest.raises(ModelError, match='which family'):
            network_card(ModelConfig(), network(shape))
