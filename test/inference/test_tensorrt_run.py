"""TensorRT's run path over a double of CUDA: order, overlap, graphs, and everything given back."""

import gc
import logging
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from cuda_double import CudaDouble
from hypothesis import given, settings
from hypothesis import strategies as st
from stand_in_network import write_stand_in

pytest.importorskip('onnxruntime')

from engine_runs import infer
from tensorrt_double import TensorRtDouble

from stream_infer_ros.config import EngineConfig
from stream_infer_ros.errors import ConfigError, EngineError
from stream_infer_ros.inference.engines import EngineSpec
from stream_infer_ros.inference.engines.device import DeviceRunner
from stream_infer_ros.inference.engines.tensorrt.tensorrt_network import TensorRtNetwork

# Small enough to run some hundred times.
HEIGHT, WIDTH = 240, 320


@pytest.fixture(scope='module')
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_stand_in(tmp_path_factory.mktemp('model') / 'stand_in.onnx')


@pytest.fixture(scope='module')
def pictures() -> np.ndarray:
    return np.random.default_rng(7).integers(0, 256, (7, HEIGHT, WIDTH, 3), np.uint8)


def expected_ground(pictures: np.ndarray) -> np.ndarray:
    return pictures.reshape(len(pictures), 60, 4, 80, 4, 3).mean(axis=(2, 4, 5)) / 255


def spec(model: Path, max_batch: int = 2, **options: object) -> EngineSpec:
    return EngineSpec(EngineConfig(kind='tensorrt', **options), model, max_batch)


@settings(max_examples=40, deadline=None)
@given(
    schedule=st.sampled_from(['late', 'early']) | st.integers(0, 1 << 30),
    graphs=st.booleans(),
    sizes=st.lists(st.integers(1, 7), min_size=1, max_size=5),
)
def test_whenever_the_device_does_it_the_numbers_are_right(schedule, graphs, sizes, model, pictures):
    double = TensorRtDouble(CudaDouble(schedule))
    engine = double.engine(spec(model, 2, tensorrt={'cuda_graphs': graphs}))
    engine.load()
    batch = np.empty_like(pictures)
    for turn, n in enumerate(sizes):
        batch[:n] = np.roll(pictures, turn, axis=0)[:n]
        outputs = infer(engine, batch[:n])
        batch[:] = 99  # it is the caller's again
        np.testing.assert_allclose(
            outputs['ground'], expected_ground(np.roll(pictures, turn, axis=0)[:n]), atol=1e-5
        )
    engine.close()
    assert double.cuda.held() == {}
    assert not double.alive


@pytest.mark.parametrize('batch', ['batch', 6])
def test_only_what_counts_is_copied(batch, tmp_path, pictures, monkeypatch):
    double = TensorRtDouble(CudaDouble())
    engine = double.engine(spec(write_stand_in(tmp_path / 'network.onnx', batch=batch), 6))
    engine.load()
    copied: list[tuple[str, int]] = []
    for name, place in (('upload', 1), ('download', 0)):
        plain = getattr(double.cuda, name)

        def counted(*arguments, name=name, place=place, plain=plain):
            copied.append((name, arguments[place].nbytes))
            plain(*arguments)

        monkeypatch.setattr(double.cuda, name, counted)
    infer(engine, pictures[:2])
    sizes = [4 * 2 * int(np.prod(shape)) for shape in ((100, 8), (80, 2), (60, 80))]
    assert copied == [('upload', 2 * HEIGHT * WIDTH * 3), *(('download', size) for size in sizes)]


def runner_of(double: TensorRtDouble, model: Path, most: int) -> DeviceRunner:
    double.cuda.use(0)
    plan = double.build(spec(model, most), object())
    network = TensorRtNetwork.read(double.cuda, plan)
    runner = DeviceRunner(double.cuda, 0, network, plan.image_input, most, graphs=True)
    runner.open()
    return runner


def test_the_next_batch_goes_up_while_this_one_runs(model, pictures):
    double = TensorRtDouble(CudaDouble('late'))
    cuda = double.cuda
    runner = runner_of(double, model, 2)
    del cuda.executed[:]
    first, second = runner.submit(pictures[:2]), runner.submit(pictures[2:4])
    copies, compute = cuda.streams
    cuda.advance(copies)
    assert cuda.executed == ['upload', 'mark', 'upload', 'mark']  # neither waits for a run
    cuda.advance(compute)
    assert cuda.executed.count('run') == 2
    with pytest.raises(EngineError, match='2 batches are running'):
        runner.submit(pictures[:1])
    for ticket, part in ((first, pictures[:2]), (second, pictures[2:4])):
        outputs, count = runner.collect(ticket)
        assert count == 2
        np.testing.assert_allclose(outputs[2], expected_ground(part), atol=1e-5)
    runner.close()
    assert cuda.held() == {}


def test_a_large_batch_keeps_both_sets_busy(model, pictures):
    double = TensorRtDouble(CudaDouble())
    engine = double.engine(spec(model, 2))
    engine.load()
    del double.cuda.calls[:]
    infer(engine, pictures[:7])
    steps = [name for name in double.cuda.calls if name in {'upload', 'synchronise_event'}]
    assert steps == ['upload', 'upload', *['synchronise_event', 'upload'] * 2, *['synchronise_event'] * 2]


def test_a_size_that_comes_again_is_replayed(model, pictures):
    double = TensorRtDouble(CudaDouble())
    engine = double.engine(spec(model, 4))
    engine.load()
    assert double.cuda.calls.count('instantiate') == 2  # the full batch of both sets, while loading
    for _ in range(3):
        infer(engine, pictures[:3])
    assert double.cuda.calls.count('instantiate') == 3
    del double.cuda.calls[:]
    infer(engine, pictures[:3])
    assert 'launch' in double.cuda.calls
    assert 'run' not in double.cuda.calls


def test_without_graphs_if_they_are_not_wanted(model, pictures):
    double = TensorRtDouble(CudaDouble())
    engine = double.engine(spec(model, 2, tensorrt={'cuda_graphs': False}))
    engine.load()
    infer(engine, pictures[:2])
    assert 'begin_capture' not in double.cuda.calls


def test_a_refused_capture_is_told_once_and_costs_nothing_else(model, pictures, caplog):
    double = TensorRtDouble(CudaDouble(refuse_capture=True))
    engine = double.engine(spec(model, 2))
    with caplog.at_level(logging.WARNING):
        engine.load()
        for _ in range(3):
            np.testing.assert_allclose(
                infer(engine, pictures[:5])['ground'], expected_ground(pictures[:5]), atol=1e-5
            )
    assert len(caplog.records) == 1
    assert 'capturing' in caplog.text
    engine.close()
    assert double.cuda.held() == {}


def test_what_tensorrt_for_rtx_says_is_not_capturable_is_not_captured(model, pictures, caplog):
    double = TensorRtDouble(CudaDouble())
    double.capturable = False
    engine = double.engine(spec(model, 2))
    with caplog.at_level(logging.WARNING):
        engine.load()
    np.testing.assert_allclose(
        infer(engine, pictures[:5])['ground'], expected_ground(pictures[:5]), atol=1e-5
    )
    assert 'begin_capture' not in double.cuda.calls
    assert 'expected a run that can be captured' in caplog.text
    double.capturable = True
    engine.load()
    assert 'launch' in double.cuda.calls
    engine.close()


def test_an_output_without_a_bound_is_refused(model):
    double = TensorRtDouble(CudaDouble(), unknown=('boxes',))
    double.unbounded = True
    with pytest.raises(EngineError, match="largest size of output 'boxes', it says: the reason; export"):
        double.engine(spec(model, 3)).load()
    assert double.cuda.held() == {}


def test_outputs_whose_size_only_the_pictures_tell(model, pictures):
    double = TensorRtDouble(CudaDouble(), unknown=('boxes',))
    engine = double.engine(spec(model, 3))
    engine.load()
    known = TensorRtDouble(CudaDouble()).engine(spec(model, 3))
    known.load()
    for _ in range(3):
        outputs = infer(engine, pictures[:5])
    np.testing.assert_array_equal(outputs['boxes'], infer(known, pictures[:5])['boxes'])
    assert 'begin_capture' not in double.cuda.calls


def test_another_thread_may_take_over(model, pictures):
    double = TensorRtDouble(CudaDouble())
    engine = double.engine(spec(model))
    engine.load()
    results = []

    def work() -> None:
        results.append(infer(engine, pictures[:2]))
        engine.close()

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    np.testing.assert_allclose(results[0]['ground'], expected_ground(pictures[:2]), atol=1e-5)
    assert double.cuda.held() == {}


def calls_of_a_life(model: Path, pictures: np.ndarray) -> int:
    double = TensorRtDouble(CudaDouble())
    live(double, model, pictures)
    return len(double.cuda.calls)


def live(double: TensorRtDouble, model: Path, pictures: np.ndarray) -> bool:
    """Load, run, close. Whether it worked; what it gives is right if it did, all is given back anyway."""
    engine = double.engine(spec(model, 2))
    failure = ''
    try:
        engine.load()
        for n in (3, 1, 3):
            np.testing.assert_allclose(
                infer(engine, pictures[:n])['ground'], expected_ground(pictures[:n]), atol=1e-5
            )
    except EngineError as error:
        failure = str(error)
    try:
        engine.close()
    except EngineError as error:
        assert not failure, 'what failed before fails once more: that is no news'
        failure = str(error)
    engine.close()
    assert not failure or 'on purpose' in failure
    assert double.cuda.held() == {}
    gc.collect()  # what ExitStack raises refers to itself, and its traceback to the double's frames
    assert not double.alive
    return not failure


@pytest.fixture
def _quick_gc() -> Iterator[None]:
    """What other tests have made is not looked through some hundred times."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


@pytest.mark.usefixtures('_quick_gc')
@pytest.mark.parametrize('fatal', [False, True])
def test_whatever_fails_everything_is_given_back(fatal, model, pictures):
    forgiven = set()
    for number in range(calls_of_a_life(model, pictures)):
        cuda = CudaDouble(fail_at=number, fatal=fatal)
        if live(TensorRtDouble(cuda), model, pictures):
            forgiven.add(cuda.calls[number])
    # Only graphs can be done without.
    assert forgiven == (set() if fatal else {'begin_capture', 'run', 'end_capture', 'instantiate'}), (
        'these failed and nobody noticed'
    )


def test_after_a_failure_it_can_be_loaded_again(model, pictures):
    double = TensorRtDouble(CudaDouble())
    engine = double.engine(spec(model))
    engine.load()
    double.cuda.fail_at = len(double.cuda.calls) + 2
    with pytest.raises(EngineError, match='on purpose'):
        infer(engine, pictures[:2])
    with pytest.raises(EngineError, match='load it again'):
        infer(engine, pictures[:2])
    engine.load()
    np.testing.assert_allclose(
        infer(engine, pictures[:2])['ground'], expected_ground(pictures[:2]), atol=1e-5
    )


def test_a_machine_without_a_gpu_is_told_so_before_tensorrt_is_touched(model):
    double = TensorRtDouble(CudaDouble(devices=0))
    with pytest.raises(EngineError, match=r'NVIDIA GPU.*found none.*--gpus all'):
        double.engine(spec(model)).load()
    assert double.cuda.calls == ['device_count']
    assert double.built == []


@pytest.mark.parametrize(
    ('device', 'error', 'message'),
    [
        ('cuda:1', EngineError, "'cuda:1', found 1"),
        ('NPU', ConfigError, 'auto, cuda or cuda:<number>'),
        ('cpu', ConfigError, 'auto, cuda or cuda:<number>'),
    ],
)
def test_a_device_that_is_not_there_is_refused(device, error, message, model):
    with pytest.raises(error, match=message):
        TensorRtDouble(CudaDouble()).engine(spec(model, device=device)).load()


def test_the_second_gpu_is_used_where_it_is_named(model, pictures):
    double = TensorRtDouble(CudaDouble(devices=2))
    engine = double.engine(spec(model, device='cuda:1'))
    engine.load()
    infer(engine, pictures[:1])
    assert set(double.cuda._threads.values()) == {1}


def test_a_plan_that_cannot_be_read_is_built_again_once(model, pictures):
    double = TensorRtDouble(CudaDouble(), stale=1)
    engine = double.engine(spec(model))
    engine.load()
    assert double.built == [False, True]
    assert len(infer(engine, pictures[:2])['ground']) == 2
    double = TensorRtDouble(CudaDouble(), stale=2)
    with pytest.raises(EngineError, match='read a plan it has just built, it says: the reason'):
        double.engine(spec(model)).load()
    assert double.cuda.held() == {}
    assert not double.alive


@pytest.mark.parametrize('refuse', ['context', 'shape', 'address', 'execute'])
def test_what_tensorrt_refuses_is_told_with_its_reason(refuse, model):
    double = TensorRtDouble(CudaDouble(), refuse=refuse)
    with pytest.raises(EngineError, match=r'expected of TensorRT .* it says: the reason; '):
        double.engine(spec(model)).load()
    assert double.cuda.held() == {}
    assert not double.alive
