"""What the strangers of the tests are as programs: standard input says what to do, a JSON object a line."""

import json
import sys
import threading
import time

PATIENCE_S = 60.0  # nothing waits as long unless the machine is swamped


def eventually(predicate):
    """Wait until it holds, and say whether; discovery has no event to wait on across processes."""
    end = time.monotonic() + PATIENCE_S
    tick = threading.Event()
    while not predicate():
        if time.monotonic() > end:
            return False
        tick.wait(0.005)
    return True


def obey(peer):
    """Call its methods as told, a JSON answer a line, until standard input ends."""
    print(json.dumps('ready'), flush=True)
    for line in sys.stdin:
        request = json.loads(line)
        print(json.dumps(getattr(peer, request.pop('do'))(**request)), flush=True)
