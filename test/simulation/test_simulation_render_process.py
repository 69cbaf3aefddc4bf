"""The renderer in a process of its own: the same bytes, and clear ends."""

import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest

from stream_infer_ros.errors import WorldError
from stream_infer_ros.simulation import Exposure, SimulationOptions
from stream_infer_ros.simulation.render_process import RenderProcess, RenderProcesses

EPOCH_NS = 1_700_000_000_000_000_000
OPTIONS = SimulationOptions(seed=3, cameras=2, width=64, height=48)


@pytest.fixture(scope='module')
def apart():
    with RenderProcess(partial(OPTIONS.encoder, EPOCH_NS)) as process:
        yield process


def test_another_process_renders_the_same_bytes(apart):
    here = OPTIONS.encoder(EPOCH_NS)
    for exposure in (Exposure(EPOCH_NS + 10**8, 1, 0), Exposure(EPOCH_NS + 7 * 10**8, 0, 6)):
        assert apart.encode(exposure) == here.encode(exposure)


def test_several_of_them_answer_several_threads():
    here = OPTIONS.encoder(EPOCH_NS)
    exposures = [Exposure(EPOCH_NS + (tick + 1) * 10**8, tick % 2, tick) for tick in range(6)]
    with RenderProcesses(partial(OPTIONS.encoder, EPOCH_NS), 2) as both, ThreadPoolExecutor(3) as threads:
        assert list(threads.map(both.encode, exposures)) == [here.encode(e) for e in exposures]


def test_what_fails_there_is_raised_here_and_it_goes_on(apart):
    with pytest.raises(IndexError):
        apart.encode(Exposure(EPOCH_NS, 99, 0))
    assert apart.encode(Exposure(EPOCH_NS + 10**8, 0, 0))


@pytest.mark.skipif(not hasattr(os, 'SCHED_IDLE'), reason='only Linux has an idle scheduling class')
def test_it_leaves_the_processor_to_others(apart):
    apart.encode(Exposure(EPOCH_NS + 10**8, 0, 0))
    assert os.sched_getscheduler(apart._process.pid) == os.SCHED_IDLE
    assert os.sched_getscheduler(0) != os.SCHED_IDLE


def test_a_renderer_that_dies_is_named():
    with RenderProcess(partial(OPTIONS.encoder, EPOCH_NS)) as process:
        process.encode(Exposure(EPOCH_NS + 10**8, 0, 0))
        os.kill(process._process.pid, signal.SIGINT)  # as Ctrl-C does: it is not its to decide
        process.encode(Exposure(EPOCH_NS + 10**8, 0, 0))
        os.kill(process._process.pid, signal.SIGKILL)
        with pytest.raises(WorldError, match='gone'):
            process.encode(Exposure(EPOCH_NS + 2 * 10**8, 0, 0))


@pytest.mark.skipif(not hasattr(signal, 'pthread_sigmask'), reason='only Unix masks signals')
def test_ctrl_c_while_it_starts_does_not_end_it():
    """Ctrl-C goes to every process of a terminal, also to one that still imports."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, ())
    with RenderProcess(partial(OPTIONS.encoder, EPOCH_NS)) as process:
        os.kill(process._process.pid, signal.SIGINT)
        assert process.encode(Exposure(EPOCH_NS + 10**8, 0, 0))
    assert signal.pthread_sigmask(signal.SIG_BLOCK, ()) == before


def test_it_ends_when_whoever_started_it_is_killed():
    script = (
        'from functools import partial; import os, signal\n'
        'from stream_infer_ros.simulation import Exposure, SimulationOptions\n'
        'from stream_infer_ros.simulation.render_process import RenderProcess\n'
        'if __name__ == "__main__":\n'
        '    options = SimulationOptions(seed=3, cameras=2, width=64, height=48)\n'
        '    process = RenderProcess(partial(options.encoder, 0))\n'
        '    process.encode(Exposure(10**8, 0, 0))\n'
        '    print(process._process.pid, flush=True)\n'
        '    process._connection.send(Exposure(10**8, 0, 0))\n'
        '    os.kill(os.getpid(), signal.SIGKILL)\n'
    )
    # The renderer shares standard error: `communicate` returns when both are gone.
    parent = subprocess.Popen(
        [sys.executable, '-c', script], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    told, wrong = parent.communicate(timeout=60)
    assert int(told)
    assert 'Traceback' not in wrong


def test_it_ends_when_closed_whether_it_was_used_or_not():
    process = RenderProcess(partial(OPTIONS.encoder, EPOCH_NS))
    process.close()
    process.close()
    assert process._process.exitcode == 0
