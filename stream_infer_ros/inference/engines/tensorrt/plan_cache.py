"""Cache of TensorRT plans on disk. A sidecar beside each plan says what the plan was built from.

A plan is used only if its sidecar says exactly what is needed now and the plan has the bytes that were
written. Otherwise (another TensorRT, a truncated file, a broken sidecar) the plan is built again.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from stream_infer_ros.errors import EngineError
from stream_infer_ros.inference.engines.cache_folder import write_whole

_log = logging.getLogger(__name__)
_KEY_LENGTH = 16
# The interval at which `on_wait` is called while another process builds.
_WAIT_S = 0.2


class PlanCache:
    """The plans in one folder. Any number of processes may share it.

    Args:
        folder: created when it is first needed.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def path_of(self, name: str, facts: Mapping[str, Any]) -> Path:
        """Return the path of the plan for these facts. The file need not exist."""
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
        """Return the plan for these facts from disk, or build it. Only one process builds a plan at a time.

        Args:
            name: beginning of the file name.
            facts: everything the plan depends on; JSON.
            build: builds the plan. An exception of it leaves no file behind.
            on_wait: called repeatedly while another process builds. An exception of it ends the wait.
            anew: build even if the plan exists.

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
        """Return TensorRT's timing cache of that name from earlier builds; b'' if there is none."""
        try:
            return (self._folder / f'{name}.timing').read_bytes()
        except FileNotFoundError:
            return b''
        except OSError as error:
            raise self._unusable(error) from error

    def keep_timing(self, name: str, timing: bytes) -> None:
        """Store a timing cache for later builds. Of two simultaneous builds, the last one wins."""
        if timing:
            self._replace(self._folder / f'{name}.timing', timing, os.getpid())

    @contextmanager
    def _only_one(self, path: Path, on_wait: Callable[[], None]) -> Iterator[None]:
        from filelock import FileLock, Timeout  # noqa: PLC0415 (its import takes 50 ms, and few need it)

        lock = FileLock(path)
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            while not lock.is_locked:
                try:
                    lock.acquire(timeout=_WAIT_S, poll_interval=_WAIT_S)
                except Timeout:
                    on_wait()
        except OSError as error:
            raise self._unusable(error) from error
        try:
            yield
        finally:
            lock.release()

    def _read(self, path: Path, facts: Mapping[str, Any]) -> bytes | None:
        try:
            sidecar = json.loads(path.with_suffix('.json').read_bytes())
            plan = path.read_bytes()
        except FileNotFoundError:
            return None
        except ValueError as error:  # neither JSON nor UTF-8
            _log.warning('%s: the sidecar cannot be read (%s); building the plan again', path, error)
            return None
        except OSError as error:
            raise self._unusable(error) from error
        wanted = {'facts': json.loads(_canonical(facts)), 'plan_sha256': hashlib.sha256(plan).hexdigest()}
        if sidecar != wanted:
            _log.warning(
                '%s: the plan does not match its sidecar or is for something else; building it again',
                path,
            )
            return None
        return plan

    def _write(self, path: Path, facts: Mapping[str, Any], plan: bytes) -> None:
        sidecar = {'facts': json.loads(_canonical(facts)), 'plan_sha256': hashlib.sha256(plan).hexdigest()}
        self._replace(path, plan, 0)
        self._replace(path.with_suffix('.json'), json.dumps(sidecar, indent=1, sort_keys=True).encode(), 0)

    def _replace(self, path: Path, data: bytes, writer: int) -> None:
        """Write a file completely or not at all. `writer` distinguishes writers that hold no lock."""
        try:
            write_whole(path, data, writer)
        except OSError as error:
            raise self._unusable(error, len(data)) from error

    def _unusable(self, error: OSError, size: int = 0) -> EngineError:
        needed = f' with {size / 1e6:.0f} MB free' if size else ''
        file = f' ({error.filename})' if error.filename else ''
        return EngineError(
            f'expected a folder for plans{needed} at {self._folder}, the system says: '
            f'{error.strerror or error}{file}; make room, change its owner, or set engine.cache_dir to '
            f'another folder'
        )


def _canonical(facts: Mapping[str, Any]) -> str:
    return json.dumps(facts, sort_keys=True)
