"""Whether TensorRT can work here, on machines of every kind."""

import pytest
from recorded_tensorrt import RECORDED, tensorrt_as_recorded

from stream_infer_ros.errors import EngineError
from stream_infer_ros.inference.engines.availability import NvidiaGpu
from stream_infer_ros.inference.engines.tensorrt import availability, flavour
from stream_infer_ros.inference.engines.tensorrt.flavour import Flavour, flavour_named, why_not

ADA, HOPPER = NvidiaGpu('NVIDIA RTX 4090', '8.9'), NvidiaGpu('NVIDIA H200', '9.0')


@pytest.fixture
def machine(monkeypatch):
    """Makes it one with these modules, this TensorRT and these GPUs."""

    def make(recorded, gpus, modules=('tensorrt', 'tensorrt_rtx_bindings', 'onnx', 'cuda')):
        trt = tensorrt_as_recorded(recorded, {})
        loaded = Flavour(recorded.split()[0], trt.__version__, trt, None)
        monkeypatch.setattr(availability, 'is_installed', modules.__contains__)
        monkeypatch.setattr(availability, 'flavour_named', lambda _: loaded)
        monkeypatch.setattr(availability, 'nvidia_gpus', lambda: gpus)
        return availability.find_tensorrt()

    return make


@pytest.mark.parametrize('recorded', RECORDED)
def test_a_gpu_it_runs_on_is_enough(machine, recorded):
    assert machine(recorded, (ADA,)).devices == ('cuda:0',)
    assert machine(recorded, (ADA,)).works
    assert not machine(recorded, ()).works


@pytest.mark.parametrize('recorded', RECORDED)
def test_rtx_leaves_out_the_gpus_it_does_not_run_on(machine, recorded):
    rtx = recorded.startswith('tensorrt_rtx')
    assert machine(recorded, (HOPPER, ADA)).devices == (('cuda:1',) if rtx else ('cuda:0', 'cuda:1'))
    alone = machine(recorded, (HOPPER,))
    assert alone.works == (not rtx)
    assert ('8.9' in alone.problem) == rtx


def test_what_is_needed_beside_it_is_told(machine):
    name = next(iter(RECORDED))
    assert machine(name, (ADA,), ('onnx', 'cuda')).problem == 'neither tensorrt nor tensorrt_rtx is installed'
    assert machine(name, (ADA,), ('tensorrt', 'cuda')).remedy == 'pip install onnx'
    assert machine(name, (ADA,), ('tensorrt', 'onnx')).remedy == 'pip install cuda-bindings'


def test_flavours_are_loaded_or_say_why_not():
    for name in ('tensorrt', 'tensorrt_rtx'):
        reason = why_not(name)
        if reason:
            assert 'pip install' in reason
        else:
            assert flavour_named(name).name == name
            assert flavour_named(name) is flavour_named(name), 'a process has one logger'


@pytest.mark.parametrize('version', ['8.6.2.3', '10.0.1', '10.2.0'])
def test_a_tensorrt_that_is_too_old_is_named(version, monkeypatch):
    trt = tensorrt_as_recorded('tensorrt 10.3.0', {})
    trt.__version__ = version
    monkeypatch.setattr(flavour, 'find_spec', lambda _: object())
    monkeypatch.setattr(flavour, 'import_module', lambda _: trt)
    read_anew = flavour._loaded.__wrapped__
    with pytest.raises(EngineError, match=rf'expected TensorRT 10\.3 or newer, found {version};'):
        read_anew('tensorrt')
    trt.__version__ = '10.3.0'
    assert read_anew('tensorrt').version == '10.3.0'
