"""Plans on disk: each beside a sidecar that says what it was built from.

A plan is used only if its sidecar says exactly what is wanted now, and its bytes are those that were written;
anything else (another TensorRT, a cut file, a sidecar that is no JSON) counts as no plan at all.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from stream_infer_ros.errors import EngineError
from stream_infer_ros.inference.engines.tensorrt.file_lock import locked

_log = logging.getLogger(__name__)
_KEY_LENGTH = 16


def cache_folder(configured: str, environment: Mapping[str, str] = os.environ) -> Path:
    """`engine.cache_dir`, else where the system keeps caches of this user."""
    if configured:
        return Path(configured).expanduser()
    base = environment.get('XDG_CACHE_HOME', '')
    return (Path(base) if base else Path.home() / '.cache') / 'stream_infer_ros'


class PlanCache:
    """Plans in one folder, which any number of processes may share.

    Args:
        folder: made when it is first needed.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def path_of(self, name: str, facts: Mapping[str, Any]) -> Path:
        """Where the plan for these facts is kept, whether or not it is there."""
        key = hashlib.sha256(_canonical(facts).encode()).hexdigest()[:_KEY_LENGTH]
        return self._folder / f'{name}-{key}.plan'

    def plan(
        self,
        name: str,
        facts: Mapping[str, Any],
        build: Callable[[], bytes],
        on_wait: Callable[[], None] = lambda: None,
        anew: bool = False,
    ) -> bytes:
        """The plan for these facts, from disk or from `build`, which one process at a time calls.

        Args:
            name: for people to find it by.
            facts: all it depends on; JSON.
            build: makes it; what it raises passes through, and leaves nothing behind.
            on_wait: called again and again while another process builds it; what it raises passes through.
            anew: build whatever is there.

        Raises EngineError if the folder cannot be read or written, or the disk is full.
        """
        path = self.path_of(name, facts)
        plan = None if anew else self._read(path, facts)
        if plan is not None:
            return plan
        with self._only_one(path.with_suffix('.lock'), on_wait):
            # Another process may have built it while this one waited.
            plan = None if anew else self._read(path, facts)
            if plan is None:
                plan = build()
                self._write(path, facts, plan)
        return plan

    def timing(self, name: str) -> bytes:
        """What builds have learnt about the speed of layers; b'' if nothing."""
        try:
            return (self._folder / f'{name}.timing').read_bytes()
        except FileNotFoundError:
            return b''
        except OSError as error:
            raise self._unusable(error) from error

    def keep_timing(self, name: str, timing: bytes) -> None:
        """For the builds to come. Two builds at once: the last wins."""
        if timing:
            self._replace(self._folder / f'{name}.timing', timing, os.getpid())

    @contextmanager
    def _only_one(self, path: Path, on_wait: Callable[[], None]) -> Iterator[None]:
        with ExitStack() as held:
            try:
                self._folder.mkdir(parents=True, exist_ok=True)
                held.enter_context(locked(path, on_wait))
            except OSError as error:
                raise self._unusable(error) from error
            yield

    def _read(self, path: Path, facts: Mapping[str, Any]) -> bytes | None:
        try:
            sidecar = json.loads(path.with_suffix('.json').read_bytes())
            plan = path.read_bytes()
        except FileNotFoundError:
            return None
        except ValueError as error:  # neither JSON nor UTF-8
            _log.warning('%s: the sidecar is broken (%s); the plan is built again', path, error)
            return None
        except OSError as error:
            raise self._unusable(error) from error
        wanted = {'facts': json.loads(_canonical(facts)), 'plan_sha256': hashlib.sha256(plan).hexdigest()}
        if sidecar != wanted:
            _log.warning('%s: not the plan its sidecar is of, or for something else; it is built again', path)
            return None
        return plan

    def _write(self, path: Path, facts: Mapping[str, Any], plan: bytes) -> None:
        sidecar = {'facts': json.loads(_canonical(facts)), 'plan_sha256': hashlib.sha256(plan).hexdigest()}
        self._replace(path, plan, 0)
        self._replace(path.with_suffix('.json'), json.dumps(sidecar, indent=1, sort_keys=True).encode(), 0)

    def _replace(self, path: Path, data: bytes, writer: int) -> None:
        """All of the file or none of it. `writer` tells those apart that no lock keeps apart."""
        # The same name each time: what a process that was killed left here is written over, not kept.
        half_way = path.with_name(f'{path.name}.{writer}.tmp')
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            try:
                with open(half_way, 'wb') as file:
                    file.write(data)
                    file.flush()
                    os.fsync(file.fileno())
                os.replace(half_way, path)
            except BaseException:
                half_way.unlink(missing_ok=True)
                raise
        except OSError as error:
            raise self._unusable(error, len(data)) from error

    def _unusable(self, error: OSError, size: int = 0) -> EngineError:
        needed = f' with {size / 1e6:.0f} MB free' if size else ''
        file = f' ({error.filename})' if error.filename else ''
        return EngineError(
            f'expected a folder for plans{needed} at {self._folder}, the system says: '
            f'{error.strerror or error}{file}; make room or give it to this user, or set engine.cache_dir to '
            f'another'
        )


def _canonical(facts: Mapping[str, Any]) -> str:
    return json.dumps(facts, sort_keys=True)
