"""Raw outputs to perceptions: in source pixels, whatever the letterbox."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from network_pixels import to_network

from stream_infer_ros.config import ModelConfig
from stream_infer_ros.errors import ConfigError, ModelError
from stream_infer_ros.inference import EngineIo, TensorInfo, Thresholds, fit, make_decoder, network_card
from stream_infer_ros.inference.decoders import decoders
from stream_infer_ros.inference.decoders.surround import SurroundDecoder
from stream_infer_ros.inference.detections import Detections, FreeSpace, Perception
from stream_infer_ros.inference.surround_contract import CLASS_NAMES, METADATA, surround_io, surround_scene

THRESHOLDS = Thresholds.of(ModelConfig())
SOURCES = [(320, 240), (640, 480), (1920, 1080), (480, 640), (512, 600), (641, 479), (100, 30)]


def batch_of(*scenes: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    return {name: np.stack([scene[name] for scene in scenes]) for name in scenes[0]}


def surround() -> SurroundDecoder:
    return make_decoder(ModelConfig(), surround_io())


def yolox_io(
    size: int = 64, classes: int = 3, batch: int = 1, metadata: dict[str, str] | None = None
) -> EngineIo:
    cells = sum((size // stride) ** 2 for stride in (8, 16, 32))
    return EngineIo(
        (TensorInfo('images', 'float32', (batch, 3, size, size)),),
        (TensorInfo('output', 'float32', (batch, cells, 5 + classes)),),
        {'family': 'yolox', **(metadata or {})},
    )


class TestSurround:
    @pytest.mark.parametrize(('width', 'height'), SOURCES)
    def test_a_box_drawn_in_the_source_comes_back(self, width, height):
        letterbox = fit(width, height, 320, 240)
        box = np.array([[0.2, 0.3], [0.5, 0.7]], np.float32) * [width, height]
        contact = np.array([[0.35 * width, 0.75 * height]], np.float32)
        inside = to_network(letterbox, np.concatenate([box, contact]).astype(np.float32)).ravel()
        outputs = batch_of(surround_scene([(*inside, 0.8, 1)]))
        detections = surround().decode(outputs, [letterbox], THRESHOLDS)[0].detections
        np.testing.assert_allclose(detections.xyxy, box.reshape(1, 4), rtol=1e-4, atol=0.01)
        np.testing.assert_allclose(detections.contact, contact, rtol=1e-4, atol=0.01)
        assert detections.score.tolist() == [np.float32(0.8)]
        assert detections.class_id.tolist() == [1]
        assert detections.class_names == CLASS_NAMES

    @pytest.mark.parametrize(('width', 'height'), SOURCES)
    def test_columns_and_rows_are_source_pixels(self, width, height):
        letterbox = fit(width, height, 320, 240)
        outputs = batch_of(surround_scene(boundary_row=100.0))
        free_space = surround().decode(outputs, [letterbox], THRESHOLDS)[0].free_space
        back = to_network(letterbox, np.stack([free_space.column_u, free_space.boundary_v], axis=1))
        np.testing.assert_allclose(back[:, 1], 100.0, atol=1e-3)
        centres = (np.arange(80) + 0.5) * 4 - 0.5
        inside = (centres > letterbox.pad_u - 0.5) & (
            centres < letterbox.pad_u + letterbox.resized_width - 0.5
        )
        np.testing.assert_allclose(back[:, 0], centres[inside], atol=1e-3)
        assert (free_space.confidence == 1.0).all()

    def test_ground_covers_the_image_and_not_the_padding(self):
        # The network's mask is 1 where the image is, 0 on the padding, with a step in mid-image.
        for width, height in SOURCES:
            letterbox = fit(width, height, 320, 240)
            scene = surround_scene()
            rows = np.arange(240)
            inside_v = (rows >= letterbox.pad_v) & (rows < letterbox.pad_v + letterbox.resized_height)
            mask = np.zeros((240, 320), np.float32)
            right = letterbox.pad_u + letterbox.resized_width
            mask[inside_v, letterbox.pad_u : right] = 1.0
            mask[inside_v, 160:right] = 0.5
            scene['ground'] = mask.reshape(60, 4, 80, 4).mean(axis=(1, 3))
            ground = surround().decode(batch_of(scene), [letterbox], THRESHOLDS)[0].free_space.ground
            shape = (max(1, round(letterbox.resized_height / 4)), max(1, round(letterbox.resized_width / 4)))
            assert ground.shape == shape
            assert ground.dtype == np.float32
            inner = ground[1:-1, 1:-1] if shape[0] > 2 else ground
            assert inner.min() >= 0.45
            third = shape[1] // 3
            np.testing.assert_allclose(ground[shape[0] // 2, 2:third], 1.0, atol=1e-3)
            np.testing.assert_allclose(ground[shape[0] // 2, -third:-2], 0.5, atol=1e-3)

    def test_a_picture_in_the_corner_has_its_own_columns_and_ground(self):
        letterbox = fit(400, 240, 320, 240, 'corner')  # 48 rows below are padding
        tall = fit(200, 240, 320, 240, 'corner')  # and 120 columns on the right
        scene = surround_scene(boundary_row=96.0)
        wide_seen, tall_seen = surround().decode(batch_of(scene, scene), [letterbox, tall], THRESHOLDS)
        assert wide_seen.free_space.ground.shape == (48, 80)
        assert tall_seen.free_space.ground.shape == (60, 50)
        assert len(tall_seen.free_space.column_u) == 50
        np.testing.assert_allclose(tall_seen.free_space.column_u[[0, -1]], [1.5, 197.5])

    def test_weak_boxes_and_copies_go(self):
        box = (50.0, 50.0, 90.0, 120.0, 70.0, 118.0)
        near = (52.0, 51.0, 91.0, 121.0, 70.0, 118.0)
        scene = surround_scene([(*box, 0.6, 0), (*near, 0.9, 0), (*box, 0.7, 1), (*box, 0.29, 2)])
        letterbox = fit(320, 240, 320, 240)
        detections = surround().decode(batch_of(scene), [letterbox], THRESHOLDS)[0].detections
        assert detections.class_id.tolist() == [0, 1]
        np.testing.assert_allclose(detections.score, [0.9, 0.7])
        assert (
            len(
                surround()
                .decode(batch_of(scene), [letterbox], Thresholds.of(ModelConfig(score_threshold=0.95)))[0]
                .detections
            )
            == 0
        )
        assert (
            len(
                surround()
                .decode(batch_of(scene), [letterbox], Thresholds.of(ModelConfig(score_threshold=0.0)))[0]
                .detections
            )
            == 3
        )
        assert (
            len(
                surround()
                .decode(batch_of(scene), [letterbox], Thresholds.of(ModelConfig(nms_iou=1.0)))[0]
                .detections
            )
            == 3
        )

    @pytest.mark.parametrize(
        ('settings', 'published'),
        [
            ({}, [(0, 0.9), (1, 0.7), (2, 0.4)]),
            ({'classes': ['car', 'cone']}, [(1, 0.7), (2, 0.4)]),
            ({'classes': [0, '2']}, [(0, 0.9), (2, 0.4)]),
            ({'classes': ['']}, [(0, 0.9), (1, 0.7), (2, 0.4)]),
            ({'class_thresholds': ['pedestrian:0.95', 'cone:0.4']}, [(1, 0.7), (2, 0.4)]),
            ({'class_thresholds': ['box:0.2']}, [(0, 0.9), (1, 0.7), (2, 0.4), (3, 0.2)]),
            ({'class_thresholds': ['3:0.1'], 'classes': ['box']}, [(3, 0.2)]),
            ({'score_threshold': 0.8, 'class_thresholds': ['cone:0.1']}, [(0, 0.9), (2, 0.4)]),
        ],
    )
    def test_classes_that_are_published(self, settings, published):
        boxes = [(20.0 * k, 50.0, 20.0 * k + 9.0, 70.0, 20.0 * k + 4.0, 69.0) for k in range(4)]
        scores = (0.9, 0.7, 0.4, 0.2)
        scene = surround_scene([(*boxes[k], scores[k], k) for k in range(4)])
        thresholds = Thresholds.of(ModelConfig(**settings), CLASS_NAMES)
        (seen,) = surround().decode(batch_of(scene), [fit(320, 240, 320, 240)], thresholds)
        found = seen.detections
        assert [(k, pytest.approx(s)) for k, s in published] == [
            *zip(found.class_id, found.score, strict=True)
        ]

    def test_a_class_that_is_not_published_suppresses_nothing_and_stays_counted_if_broken(self):
        box = (50.0, 50.0, 90.0, 120.0, 70.0, 118.0)
        scene = surround_scene([(*box, 0.9, 0), (*box, 0.6, 1), (*box, 0.8, 9), (*box, np.nan, 0)])
        thresholds = Thresholds.of(ModelConfig(classes=['car']), CLASS_NAMES)
        (seen,) = surround().decode(batch_of(scene), [fit(320, 240, 320, 240)], thresholds)
        assert seen.detections.class_id.tolist() == [1]
        assert seen.invalid == 2

    @pytest.mark.parametrize(
        ('settings', 'words'),
        [
            ({'classes': ['pedestrain']}, "model.classes, got 'pedestrain'; did you mean 'pedestrian'"),
            ({'classes': ['Car']}, "did you mean 'car'"),
            ({'classes': ['4']}, "got '4'; The network has 4 classes: pedestrian, car"),
            ({'class_thresholds': ['boxes:0.5']}, "model.class_thresholds, got 'boxes'; did you mean 'box'"),
        ],
    )
    def test_a_class_that_the_network_lacks_is_refused(self, settings, words):
        with pytest.raises(ConfigError, match=words):
            Thresholds.of(ModelConfig(**settings), CLASS_NAMES)

    def test_no_boxes_still_tell_that_there_are_contacts(self):
        detections = (
            surround().decode(batch_of(surround_scene()), [fit(640, 480, 320, 240)], THRESHOLDS)[0].detections
        )
        assert len(detections) == 0
        assert detections.contact is not None
        assert detections.contact.shape == (0, 2)

    def test_a_contact_below_the_image_is_kept_and_an_unknown_one_is_nan(self):
        boxes = [(10, 10, 50, 230, 30, 300, 0.9, 0), (100, 10, 150, 230, np.nan, 5, 0.8, 0)]
        detections = (
            surround()
            .decode(batch_of(surround_scene(boxes)), [fit(640, 480, 320, 240)], THRESHOLDS)[0]
            .detections
        )
        np.testing.assert_allclose(detections.contact[0], [60.5, 600.5])
        assert np.isnan(detections.contact[1]).all()

    def test_images_of_a_batch_are_kept_apart(self):
        left = surround_scene([(10, 10, 50, 50, 30, 48, 0.9, 0)], boundary_row=60.0)
        right = surround_scene([(200, 10, 250, 50, 30, 48, 0.8, 3)], boundary_row=180.0)
        letterboxes = [fit(320, 240, 320, 240), fit(640, 480, 320, 240)]
        both = surround().decode(batch_of(left, right), letterboxes, THRESHOLDS)
        for scene, letterbox, seen in zip((left, right), letterboxes, both, strict=True):
            alone = surround().decode(batch_of(scene), [letterbox], THRESHOLDS)[0]
            np.testing.assert_array_equal(seen.detections.xyxy, alone.detections.xyxy)
            np.testing.assert_array_equal(seen.free_space.boundary_v, alone.free_space.boundary_v)

    @given(st.integers(0, 2**32 - 1), st.sampled_from(SOURCES))
    def test_garbage_in_gives_boxes_inside_the_image_or_none(self, seed, size):
        rng = np.random.default_rng(seed)
        outputs = {
            tensor.name: rng.choice(
                np.array(
                    [0, 0.5, 1, 2, 3, 4, 100, 300, -50, 1e30, -1e30, np.nan, np.inf, -np.inf], np.float32
                ),
                (2, *tensor.shape[1:]),
            )
            for tensor in surround_io().outputs
        }
        outputs['boxes'][..., 6] = rng.choice(np.array([0.5, 1.0, 2.0, np.nan], np.float32), (2, 100))
        letterbox = fit(*size, 320, 240)
        for seen in surround().decode(outputs, [letterbox] * 2, THRESHOLDS):
            check_detections(seen.detections, *size)
            assert np.isfinite(seen.free_space.column_u).all()
            assert np.isfinite(seen.free_space.boundary_v).all()
            for probability in (seen.free_space.confidence, seen.free_space.ground):
                assert ((probability >= 0) & (probability <= 1)).all()

    def test_an_unreadable_column_says_nothing(self):
        scene = surround_scene()
        scene['free_space'][3, 0] = np.nan
        scene['free_space'][4, 1] = np.inf
        free_space = surround().decode(batch_of(scene), [fit(640, 480, 320, 240)], THRESHOLDS)[0].free_space
        assert free_space.confidence[2:6].tolist() == [1.0, 0.0, 0.0, 1.0]
        assert (free_space.boundary_v[3:5] == 479.5).all()


def check_detections(detections, width, height):
    xyxy = detections.xyxy
    assert xyxy.dtype == np.float32
    assert ((xyxy >= -0.5) & (xyxy <= [width - 0.5, height - 0.5] * 2)).all()
    assert (xyxy[:, 2:] > xyxy[:, :2]).all()
    assert ((detections.score > 0) & (detections.score <= 1)).all()
    assert (np.diff(detections.score) <= 0).all()
    assert ((detections.class_id >= 0) & (detections.class_id < len(detections.class_names))).all()


class TestYolox:
    SIZE = 64

    def outputs(
        self, row: int, centre: tuple[float, float], size: tuple[float, float]
    ) -> dict[str, np.ndarray]:
        raw = np.zeros((1, 84, 8), np.float32)
        raw[0, row] = (*centre, *size, 0.9, 0.1, 0.8, 0.2)
        return {'output': raw}

    @pytest.mark.parametrize(
        ('row', 'column_row_stride'),
        [(0, (0, 0, 8)), (9, (1, 1, 8)), (64 + 6, (2, 1, 16)), (80 + 3, (1, 1, 32))],
    )
    def test_cells_are_decoded_at_their_stride(self, row, column_row_stride):
        column, line, stride = column_row_stride
        outputs = self.outputs(row, (0.5, 0.25), (np.log(1.5), np.log(0.5)))
        decoder = make_decoder(ModelConfig(), yolox_io())
        detections = decoder.decode(outputs, [fit(64, 64, 64, 64)], THRESHOLDS)[0].detections
        # In the paper's coordinates, which begin at the corner of the image; ours half a pixel further in.
        centre = np.array([(column + 0.5) * stride, (line + 0.25) * stride])
        half = np.array([1.5, 0.5]) * stride / 2
        expected = np.clip(np.concatenate([centre - half, centre + half]) - 0.5, -0.5, 63.5)
        np.testing.assert_allclose(detections.xyxy[0], expected, atol=1e-4)
        assert detections.class_id.tolist() == [1]
        assert detections.score[0] == pytest.approx(0.72)
        assert detections.contact is None

    def test_exports_with_the_grid_inside_give_the_same(self):
        raw = np.random.default_rng(3).normal(0.5, 0.5, (1, 84, 8)).astype(np.float32)
        raw[..., 4:] = 1 / (1 + np.exp(-3 * raw[..., 4:]))
        decoder = make_decoder(ModelConfig(), yolox_io())
        cells = np.concatenate(
            [
                np.stack([*np.mgrid[: 64 // s, : 64 // s][::-1], np.full((64 // s, 64 // s), s)], -1).reshape(
                    -1, 3
                )
                for s in (8, 16, 32)
            ]
        )
        decoded = raw.copy()
        decoded[..., :2] = (raw[..., :2] + cells[:, :2]) * cells[:, 2:]
        decoded[..., 2:4] = np.exp(raw[..., 2:4]) * cells[:, 2:]
        letterbox = fit(100, 50, 64, 64)
        one = decoder.decode({'output': raw}, [letterbox], THRESHOLDS)[0].detections
        other = decoder.decode({'output': decoded}, [letterbox], THRESHOLDS)[0].detections
        assert len(one) > 3
        np.testing.assert_allclose(one.xyxy, other.xyxy, atol=1e-3)
        np.testing.assert_array_equal(one.class_id, other.class_id)
        # A broken row goes and is counted, though the export is told by such rows among others.
        decoded[0, :, 4][[0, 16]] = 0.0
        before = decoder.decode({'output': decoded}, [letterbox], THRESHOLDS)[0].detections
        decoded[0, [0, 16], :5] = np.nan
        (after,) = decoder.decode({'output': decoded}, [letterbox], THRESHOLDS)
        assert after.invalid == 2
        np.testing.assert_array_equal(after.detections.xyxy, before.xyxy)

    @given(st.integers(0, 2**32 - 1), st.sampled_from(SOURCES))
    def test_garbage_in_gives_boxes_inside_the_image_or_none(self, seed, size):
        values = np.array([0, 0.5, 0.9, 1, -2, 50, 100, 1e30, np.nan, np.inf, -np.inf], np.float32)
        raw = np.random.default_rng(seed).choice(values, (2, 84, 8))
        decoder = make_decoder(ModelConfig(), yolox_io(batch=-1))
        for seen in decoder.decode({'output': raw}, [fit(*size, 64, 64)] * 2, THRESHOLDS):
            check_detections(seen.detections, *size)
            assert seen.free_space is None

    def test_an_output_of_another_shape_is_refused(self):
        decoder = make_decoder(ModelConfig(), yolox_io())
        with pytest.raises(ModelError, match='84'):
            decoder.decode({'output': np.zeros((1, 85, 8), np.float32)}, [fit(64, 64, 64, 64)], THRESHOLDS)


class TestFindingTheFamily:
    def test_by_shape(self):
        unlabelled = EngineIo(surround_io().inputs, surround_io().outputs, {})
        assert network_card(ModelConfig(), unlabelled).family == 'surround'
        # No other family has COCO's 80 classes in such rows.
        assert network_card(ModelConfig(), yolox_io(416, 80, metadata={'family': ''})).family == 'yolox'

    def test_by_name_and_by_metadata(self):
        assert (
            network_card(ModelConfig(family='yolox'), yolox_io(metadata={'family': 'surround'})).family
            == 'yolox'
        )
        assert network_card(ModelConfig(), yolox_io(metadata={'family': 'yolox'})).family == 'yolox'

    def test_an_unknown_network_is_asked_about(self):
        io = EngineIo(surround_io().inputs, (TensorInfo('logits', 'float32', (-1, 1000)),), {})
        with pytest.raises(ModelError, match=r'which family .*logits float32 \(\?, 1000\)') as refusal:
            make_decoder(ModelConfig(), io)
        for part in (*decoders(), 'model.family'):
            assert part in str(refusal.value)

    def test_a_wrong_name_is_refused(self):
        with pytest.raises(ModelError, match='outputs of family surround'):
            make_decoder(ModelConfig(family='surround'), yolox_io())
        with pytest.raises(ModelError, match="'retinanet'"):
            make_decoder(ModelConfig(), yolox_io(metadata={'family': 'retinanet'}))


class TestClassNamesAndColour:
    def names_file(self, tmp_path: Path, *names: str) -> ModelConfig:
        path = tmp_path / 'names.txt'
        path.write_text('\n'.join(names) + '\n\n')
        return ModelConfig(class_names_file=str(path))

    def test_names_from_file_metadata_or_numbers(self, tmp_path):
        labelled = yolox_io(metadata={'class_names': 'cat, dog,cow'})
        named = self.names_file(tmp_path, 'one', 'two words', 'three')
        assert make_decoder(named, labelled).class_names == ('one', 'two words', 'three')
        assert make_decoder(ModelConfig(), labelled).class_names == ('cat', 'dog', 'cow')
        assert make_decoder(ModelConfig(), yolox_io()).class_names == ('class0', 'class1', 'class2')

    def test_a_list_of_another_length_is_refused(self, tmp_path):
        with pytest.raises(ConfigError, match='expected 3 names'):
            make_decoder(self.names_file(tmp_path, 'one'), yolox_io())
        with pytest.raises(ModelError, match='expected 3 class names'):
            make_decoder(ModelConfig(), yolox_io(metadata={'class_names': 'a,b'}))

    def test_an_unreadable_list_is_refused(self, tmp_path):
        with pytest.raises(ConfigError, match=r'missing\.txt'):
            make_decoder(ModelConfig(class_names_file=str(tmp_path / 'missing.txt')), yolox_io())
        binary = tmp_path / 'binary.txt'
        binary.write_bytes(b'\xff\xfe\x00')
        with pytest.raises(ConfigError, match=r'binary\.txt'):
            make_decoder(ModelConfig(class_names_file=str(binary)), yolox_io())

    def test_colour_is_the_family_s_unless_metadata_says(self):
        assert make_decoder(ModelConfig(), surround_io()).card.colour == 'rgb'
        assert make_decoder(ModelConfig(), yolox_io()).card.colour == 'bgr'
        assert make_decoder(ModelConfig(), yolox_io(metadata={'input_colour': 'rgb'})).card.colour == 'rgb'
        io = EngineIo(surround_io().inputs, surround_io().outputs, {**METADATA, 'input_colour': 'hsv'})
        with pytest.raises(ModelError, match='hsv'):
            make_decoder(ModelConfig(), io)

    def test_a_box_of_a_class_without_a_name_is_left_out(self):
        scene = surround_scene([(10, 10, 50, 50, 30, 48, 0.9, 7), (10, 10, 50, 50, 30, 48, 0.8, 2)])
        detections = surround().decode(batch_of(scene), [fit(320, 240, 320, 240)], THRESHOLDS)[0].detections
        assert detections.class_id.tolist() == [2]


def test_free_space_is_worked_out_once_and_not_before_it_is_asked_for():
    asked = []

    def work_out():
        asked.append(1)
        return FreeSpace(np.zeros(1, np.float32), np.zeros(1, np.float32), np.ones(1, np.float32))

    perception = Perception(Detections.empty(('car',)), work_out)
    assert len(perception.detections) == 0
    assert not asked
    assert perception.free_space is perception.free_space
    assert asked == [1]
    assert Perception(Detections.empty(('car',))).free_space is None
