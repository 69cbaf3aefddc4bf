"""The renderer in another process: it renders the same bytes and always ends."""

import multiprocessing
import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial

import pytest

from stream_infer_ros.errors import WorldError
from stream_infer_ros.simulation import Exposure, SimulationOptions
from stream_infer_ros.simulation.render_process import RenderProcess, RenderProcesses

EPOCH_NS = 1_700_000_000_000_000_000
OPTIONS = SimulationOptions(seed=3, cameras=2, width=64, height=48)


def renderer_pids():
    return {child.pid for child in multiprocessing.active_children() if child.name == 'renderer'}


@contextmanager
def renderer():
    """A renderer and its process id."""
    before = renderer_pids()
    with RenderProcess(partial(OPTIONS.encoder, EPOCH_NS)) as process:
        (pid,) = renderer_pids() - before
        yield process, pid
    assert renderer_pids() == before


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


@pytest.mark.skipif(not hasattr(os, 'getpriority'), reason='needs the priorities of Unix')
def test_it_has_low_priority():
    own = os.getpriority(os.PRIO_PROCESS, 0)
    with renderer() as (process, pid):
        process.encode(Exposure(EPOCH_NS + 10**8, 0, 0))
        assert os.getpriority(os.PRIO_PROCESS, pid) > own
    assert os.getpriority(os.PRIO_PROCESS, 0) == own


def test_a_renderer_that_dies_is_named():
    with renderer() as (process, pid):
        process.encode(Exposure(EPOCH_NS + 10**8, 0, 0))
        os.kill(pid, signal.SIGINT)  # like Ctrl-C: the process that started it decides when it ends
        process.encode(Exposure(EPOCH_NS + 10**8, 0, 0))
        os.kill(pid, signal.SIGKILL)
        with pytest.raises(WorldError, match='has ended'):
            process.encode(Exposure(EPOCH_NS + 2 * 10**8, 0, 0))


@pytest.mark.skipif(not hasattr(signal, 'pthread_sigmask'), reason='only Unix masks signals')
def test_ctrl_c_while_it_starts_does_not_end_it():
    """Ctrl-C goes to every process of a terminal, also to one that still imports."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, ())
    with renderer() as (process, pid):
        os.kill(pid, signal.SIGINT)
        assert process.encode(Exposure(EPOCH_NS + 10**8, 0, 0))
    assert signal.pthread_sigmask(signal.SIG_BLOCK, ()) == before


def test_it_ends_when_whoever_started_it_is_killed():
    script = (
        'from functools import partial; import multiprocessing, os, signal, threading\n'
        'from stream_infer_ros.simulation import Exposure, SimulationOptions\n'
        'from stream_infer_ros.simulation.render_process import RenderProcess\n'
        'if __name__ == "__main__":\n'
        '    options = SimulationOptions(seed=3, cameras=2, width=64, height=48)\n'
        '    process = RenderProcess(partial(options.encoder, 0))\n'
        '    process.encode(Exposure(10**8, 0, 0))\n'
        '    print(multiprocessing.active_children()[0].pid, flush=True)\n'
        '    threading.Thread(target=process.encode, args=(Exposure(10**8, 0, 0),), daemon=True).start()\n'
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
    before = renderer_pids()
    for used in (False, True):
        process = RenderProcess(partial(OPTIONS.encoder, EPOCH_NS))
        if used:
            process.encode(Exposure(EPOCH_NS + 10**8, 0, 0))
        process.close()
        process.close()
        assert renderer_pids() == before
