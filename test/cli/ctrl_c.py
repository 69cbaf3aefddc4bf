"""Start programs as a user does, and send Ctrl-C at a given moment."""

import os
import random
import signal
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

PATIENCE_S = 60.0
# The limit that users and `ros2 launch` expect.
LONGEST_S = 2.0
# Number of programs that run at the same time. This also keeps the machine busy.
AT_A_TIME = 3


@dataclass(frozen=True)
class Ended:
    """The end of a program that got Ctrl-C `after_s` seconds after it began to handle signals."""

    after_s: float
    took_s: float
    code: int
    output: str

    def __str__(self):
        return f'Ctrl-C after {self.after_s:4.2f} s: took {self.took_s:4.2f} s, exit code {self.code}'

    def in_order(self):
        return self.code == 0 and self.took_s < LONGEST_S and 'Traceback' not in self.output


def moments(seed, count, within_s):
    """Return random moments, the same in each run; the first is as early as possible."""
    drawn = random.Random(seed)
    return [0.0, *(drawn.uniform(0.0, within_s) for _ in range(count - 1))]


def interrupt_all(command, moments_s, folder):
    """Start `command` once for each moment, several at a time; fail if one does not end in order.

    Each program has its own working directory below `folder`.
    """
    folders = [folder / str(number) for number in range(len(moments_s))]
    with ThreadPoolExecutor(AT_A_TIME) as pool:
        ends = list(pool.map(lambda after_s, own: _interrupt(command, after_s, own), moments_s, folders))
    for end in ends:
        print(end)
    assert all(end.in_order() for end in ends), '\n'.join(
        f'{end}\n{end.output}' for end in ends if not end.in_order()
    )


def _interrupt(command, after_s, folder):
    """Start a program, and press Ctrl-C in its terminal `after_s` after it began to handle signals."""
    folder.mkdir()
    process = subprocess.Popen(
        command,
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    try:
        _await_handlers(process)
        with suppress(subprocess.TimeoutExpired):  # a timeout means that it is time for the signal
            process.wait(timeout=after_s)
        start_s = time.monotonic()
        os.killpg(process.pid, signal.SIGINT)
        code = process.wait(timeout=PATIENCE_S)
        took_s = time.monotonic() - start_s
        output, _ = process.communicate(timeout=PATIENCE_S)
        return Ended(after_s, took_s, code, output)
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _await_handlers(process):
    """Wait until the program handles SIGTERM. Python itself, which loads first, only handles SIGINT."""
    end_s = time.monotonic() + PATIENCE_S
    status = Path(f'/proc/{process.pid}/status')
    while time.monotonic() < end_s:
        line = next(line for line in status.read_text().splitlines() if line.startswith('SigCgt:'))
        if int(line.split()[1], 16) >> (signal.SIGTERM - 1) & 1:
            return
        assert process.poll() is None, process.communicate()[0]
        time.sleep(0.005)
    raise AssertionError('no handler for SIGTERM')
