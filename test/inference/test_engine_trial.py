"""The engine that 'auto' means for a file, by a short trial, and the result that is kept."""

import json
from dataclasses import replace
from importlib.util import find_spec

import numpy as np
import pytest
from stand_in_network import write_stand_in

from stream_infer_ros.config import EngineConfig, KserveConfig
from stream_infer_ros.errors import EngineError, ModelError
from stream_infer_ros.inference.engines import EngineSpec, FakeEngine, choose_engine, registry
from stream_infer_ros.inference.engines.availability import Availability
from stream_infer_ros.resources import default_model

RUNTIMES = find_spec('openvino') and find_spec('onnxruntime')


class Runtimes:
    """Stand-ins for openvino and onnxruntime, whose runs take time only on the clock of the test.

    Attributes:
        s_per_image: kind -> the time that it takes for an image.
        fails: kinds that cannot load the file.
        runs: (kind, number of images) of each run.
    """

    def __init__(self, monkeypatch) -> None:
        self.now_s = 0.0
        self.s_per_image = {'openvino': 0.01, 'onnxruntime': 0.01}
        self.fails: set[str] = set()
        self.runs: list[tuple[str, int]] = []
        self.versions = {'openvino': 'openvino 1', 'onnxruntime': 'onnxruntime 1'}
        self.works = {'openvino', 'onnxruntime'}
        for kind in self.s_per_image:
            monkeypatch.setitem(registry.ENGINES, kind, lambda spec, kind=kind: self.make(kind, spec))
            monkeypatch.setitem(registry.FINDERS, kind, lambda kind=kind: self.find(kind))
        monkeypatch.setitem(registry.FINDERS, 'tensorrt', lambda: self.find('tensorrt'))

    def find(self, kind):
        if kind in self.works:
            return Availability(self.versions.get(kind, kind))
        return Availability(problem='not installed', remedy='pip install it')

    def make(self, kind, spec):
        return StandIn(self, kind, spec)


class StandIn(FakeEngine):
    def __init__(self, runtimes, kind, spec) -> None:
        super().__init__(spec=spec)
        self.runtimes, self.kind = runtimes, kind

    def load(self):
        if self.kind in self.runtimes.fails:
            raise ModelError('an operator is missing')
        super().load()

    def run(self, pictures, within_s=np.inf):
        pictures = list(pictures)
        self.runtimes.runs.append((self.kind, len(pictures)))
        self.runtimes.now_s += self.runtimes.s_per_image[self.kind] * len(pictures)
        return super().run(pictures, within_s)


@pytest.fixture
def runtimes(monkeypatch):
    return Runtimes(monkeypatch)


@pytest.fixture
def spec(tmp_path):
    file = tmp_path / 'model.onnx'
    file.write_bytes(b'\x08\x08network')
    return EngineSpec(EngineConfig(cache_dir=str(tmp_path / 'cache')), file, max_batch=6)


def choose(spec, runtimes):
    return choose_engine(spec, lambda: runtimes.now_s)


@pytest.mark.parametrize(
    ('openvino_s', 'onnxruntime_s', 'chosen'),
    [
        (0.304, 0.168, 'onnxruntime'),
        (0.010, 0.030, 'openvino'),
        (0.010, 0.0095, 'openvino'),  # not clearly faster
        (0.010, 0.0080, 'onnxruntime'),
        (9.0, 0.5, 'onnxruntime'),
        (0.5, 9.0, 'openvino'),
    ],
)
def test_the_faster_engine_is_chosen_and_told(runtimes, spec, openvino_s, onnxruntime_s, chosen):
    runtimes.s_per_image = {'openvino': openvino_s, 'onnxruntime': onnxruntime_s}
    choice = choose(spec, runtimes)
    assert choice.kind == chosen
    for words in (f'engine {chosen}', f'openvino {openvino_s * 1e3:.1f} ms', f'{onnxruntime_s * 1e3:.1f} ms'):
        assert words in choice.words


@pytest.mark.parametrize('s_per_image', [0.0001, 0.01, 0.1, 0.3])
def test_the_trial_keeps_to_its_budget(runtimes, spec, s_per_image):
    runtimes.s_per_image = {'openvino': s_per_image, 'onnxruntime': s_per_image}
    choose(spec, runtimes)
    assert runtimes.now_s <= 2.0
    sizes = {n for _, n in runtimes.runs}
    assert len(sizes - {1}) <= 1, 'all engines run the same number of images'
    assert (6 in sizes) is (s_per_image < 0.05)
    assert len(runtimes.runs) > 3


def test_a_hopeless_engine_is_given_up_after_a_run(runtimes, spec):
    runtimes.s_per_image = {'openvino': 0.001, 'onnxruntime': 0.01}
    choose(spec, runtimes)
    assert [kind for kind, _ in runtimes.runs].count('onnxruntime') == 2
    assert [kind for kind, _ in runtimes.runs].count('openvino') > 2


def test_the_result_is_kept_until_something_changes(runtimes, spec):
    runtimes.s_per_image['onnxruntime'] = 0.002
    first = choose(spec, runtimes)
    runs = len(runtimes.runs)
    assert choose(spec, runtimes) == first
    assert len(runtimes.runs) == runs
    changes = [
        lambda: replace(spec, max_batch=4),
        lambda: replace(spec, config=spec.config.model_copy(update={'threads': 1})),
        lambda: spec.model.write_bytes(b'\x08\x08another network') and spec,
        lambda: runtimes.versions.update(openvino='openvino 2') or spec,
    ]
    for change in changes:
        changed, runs = change(), len(runtimes.runs)
        choose(changed, runtimes)
        assert len(runtimes.runs) > runs


@pytest.mark.parametrize(
    'text', ['', '{', '[]', '{"ms_per_image": 3}', '{"ms_per_image": {"openvino": "fast", "onnxruntime": 1}}']
)
def test_a_broken_result_is_measured_again(runtimes, spec, text):
    runtimes.s_per_image['onnxruntime'] = 0.002
    choose(spec, runtimes)
    (kept,) = (spec.model.parent / 'cache').iterdir()
    kept.write_text(text)
    runs = len(runtimes.runs)
    assert choose(spec, runtimes).kind == 'onnxruntime'
    assert len(runtimes.runs) > runs
    assert set(json.loads(kept.read_text())['ms_per_image']) == {'openvino', 'onnxruntime'}


def test_a_result_of_something_else_is_not_used(runtimes, spec):
    choose(spec, runtimes)
    (kept,) = (spec.model.parent / 'cache').iterdir()
    content = json.loads(kept.read_text())
    content['facts']['model_sha256'] = 'other'
    content['ms_per_image'] = {'openvino': 9.0, 'onnxruntime': 1.0}
    kept.write_text(json.dumps(content))
    assert choose(spec, runtimes).kind == 'openvino'


def test_a_folder_that_cannot_be_written_only_costs_the_next_trial(runtimes, spec):
    (spec.model.parent / 'cache').write_text('a file')
    runtimes.s_per_image['onnxruntime'] = 0.002
    for _ in range(2):
        runs = len(runtimes.runs)
        assert choose(spec, runtimes).kind == 'onnxruntime'
        assert len(runtimes.runs) > runs


def test_an_engine_that_cannot_run_the_file_is_left_out(runtimes, spec):
    runtimes.fails = {'openvino'}
    choice = choose(spec, runtimes)
    assert choice.kind == 'onnxruntime'
    assert 'openvino cannot run this file' in choice.words
    assert not (spec.model.parent / 'cache').exists()
    runtimes.fails = {'openvino', 'onnxruntime'}
    assert choose(spec, runtimes).kind == 'openvino'  # loading it gives the reason


def test_nothing_is_measured_where_there_is_no_choice(runtimes, spec):
    def chosen(file=spec.model, **settings):
        config = spec.config.model_copy(update=settings)
        return choose(replace(spec, config=config, model=file), runtimes).kind

    assert chosen(default_model()) == 'openvino'
    assert chosen(kind='onnxruntime') == 'onnxruntime'
    assert chosen(device='CPU') == 'openvino'
    assert chosen(kserve=KserveConfig(endpoints=('grpc://gpu1:8001',))) == 'kserve'
    assert chosen(spec.model.parent / 'missing.onnx') == 'openvino'
    runtimes.works = {'onnxruntime'}
    assert chosen() == 'onnxruntime'
    runtimes.works = {'tensorrt', 'openvino', 'onnxruntime'}
    assert chosen() == 'tensorrt'
    assert runtimes.runs == []
    runtimes.works = set()
    with pytest.raises(EngineError, match='not installed'):
        chosen()


@pytest.mark.skipif(not RUNTIMES, reason='needs openvino and onnxruntime')
def test_real_runtimes_are_measured(tmp_path):
    file = write_stand_in(tmp_path / 'm.onnx')
    spec = EngineSpec(EngineConfig(cache_dir=str(tmp_path / 'cache')), file, max_batch=3)
    choice = choose_engine(spec)
    assert choice.kind in ('openvino', 'onnxruntime')
    assert 'openvino ' in choice.words
    assert 'onnxruntime ' in choice.words
    assert choose_engine(spec) == choice
