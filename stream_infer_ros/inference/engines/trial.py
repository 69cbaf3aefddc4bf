"""The choice of an engine for a model file, by a short trial if several engines work.

OpenVINO is usually the fastest engine on a CPU, but not for every file: with a dynamically quantised YOLO,
ONNX Runtime takes about half the time. The operators in a file do not tell reliably which engine is faster,
so both are measured. The result is kept in the cache folder. The network that ships is not measured, because
it is known.
"""

from __future__ import annotations

import hashlib
import json
import logging
import math
import os
import platform
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from stream_infer_ros.errors import EngineError, ModelError
from stream_infer_ros.inference.engines.cache_folder import cache_folder, write_whole
from stream_infer_ros.inference.engines.engine import Engine
from stream_infer_ros.inference.engines.registry import FINDERS, engine_kind, make_engine, working_kinds
from stream_infer_ros.inference.engines.spec import EngineSpec
from stream_infer_ros.inference.input_packing import ImageInput
from stream_infer_ros.resources import default_model

_log = logging.getLogger(__name__)

# The time for all runs of a trial, without loading.
BUDGET_S = 2.0
_MOST_RUNS = 8
# An engine this many times slower than the best one is not run again.
_HOPELESS = 2.0
# The first engine of the usual order is kept unless another one is faster by more than the noise.
_CLEARLY = 0.9
# Only these are measured: to build a TensorRT plan takes minutes, and on a GPU it is the fastest.
_MEASURED = ('openvino', 'onnxruntime')
_KEY_LENGTH = 16
_CHUNK_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class EngineChoice:
    """The kind of engine for a file; `words` says what was measured, and is empty without a trial."""

    kind: str
    words: str = ''


def choose_engine(spec: EngineSpec, clock_s: Callable[[], float] = time.perf_counter) -> EngineChoice:
    """Return the configured kind of engine; for 'auto' the fastest that works here with this file.

    Raises ModelError or EngineError if there is none.
    """
    config = spec.config
    if config.kind != 'auto' or config.kserve.endpoints or config.device != 'auto':
        return EngineChoice(engine_kind(config, spec.model))
    usual = engine_kind(config, spec.model)
    if usual not in _MEASURED or spec.model == default_model():
        return EngineChoice(usual)
    kinds = working_kinds(spec.model)
    if len(kinds) < 2:
        return EngineChoice(usual)
    kinds = [kind for kind in kinds if kind in _MEASURED]
    try:
        facts = _facts(spec, kinds)
        file = cache_folder(config.cache_dir) / f'{spec.model.stem}-{_key(facts)}.engine.json'
    except OSError:  # loading the file will say why
        return EngineChoice(kinds[0])
    known = _read(file, facts, kinds)
    if known is None:
        known = _measure(spec, kinds, clock_s)
        if len(known) < len(kinds):  # a failure may be gone at the next start
            return EngineChoice(_fastest(known, kinds), _words(known, kinds))
        _keep(file, facts, known)
    return EngineChoice(_fastest(known, kinds), _words(known, kinds))


def _fastest(measured: Mapping[str, float], kinds: list[str]) -> str:
    """Return the fastest kind; the first one if none is clearly faster, or none could be measured."""
    if not measured:
        return kinds[0]
    usual = next(kind for kind in kinds if kind in measured)
    best = min(measured, key=lambda kind: measured[kind])
    return best if measured[best] < _CLEARLY * measured[usual] else usual


def _words(measured: Mapping[str, float], kinds: list[str]) -> str:
    if not measured:
        return ''
    found = ', '.join(f'{kind} {ms:.1f} ms' for kind, ms in measured.items())
    failed = ''.join(f', {kind} cannot run this file' for kind in kinds if kind not in measured)
    chosen = _fastest(measured, kinds)
    return (
        f'engine {chosen}, by a trial on this file: {found} per image{failed}; engine.kind sets another one'
    )


def _measure(spec: EngineSpec, kinds: list[str], clock_s: Callable[[], float]) -> dict[str, float]:
    """Return the milliseconds per image of each kind that runs the file.

    The engines take turns, so that other programs on the machine disturb all of them alike. The fastest run
    of each counts.
    """
    with ExitStack() as loaded:
        runs = {}
        for kind in kinds:
            config = spec.config.model_copy(update={'kind': kind})
            try:
                engine = make_engine(replace(spec, config=config))
                loaded.callback(engine.close)
                engine.load()
                runs[kind] = _TimedRuns(engine, spec.max_batch, clock_s)
            except (EngineError, ModelError) as error:
                _log.info('%s: %s cannot be measured: %s', spec.model.name, kind, error)
        if not runs:
            return {}
        # Of a slow network, as many images are run as the budget allows.
        fastest_s = min(timed.first_s for timed in runs.values())
        batch = min(spec.max_batch, max(1, int(0.2 * BUDGET_S / max(fastest_s, 1e-6))))
        spent_s = sum(timed.first_s for timed in runs.values())
        for _ in range(_MOST_RUNS):
            best_s = min(timed.per_image_s for timed in runs.values())
            for timed in runs.values():
                is_hopeless = bool(timed.times_s) and timed.per_image_s > _HOPELESS * best_s
                if not is_hopeless and spent_s + timed.per_image_s * batch <= BUDGET_S:
                    spent_s += timed.run(batch)
        return {kind: timed.per_image_s * 1e3 for kind, timed in runs.items()}


class _TimedRuns:
    """Runs a loaded engine on noise, and keeps the times per image. It is run once on construction."""

    def __init__(self, engine: Engine, max_batch: int, clock_s: Callable[[], float]) -> None:
        self._engine = engine
        self._clock_s = clock_s
        image_input = ImageInput.of(engine.io)
        shape = (max_batch, image_input.height, image_input.width, 3)
        self._pictures = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
        self.times_s: list[float] = []
        self.first_s = self.run(1)  # it allocates, and counts only if there is no time for another run
        self.times_s.clear()

    @property
    def per_image_s(self) -> float:
        return min(self.times_s, default=self.first_s)

    def run(self, images: int) -> float:
        """Run so many images; return the time in seconds."""
        begun_s = self._clock_s()
        for _ in self._engine.run(self._pictures[:images]):
            pass
        spent_s = self._clock_s() - begun_s
        self.times_s.append(spent_s / images)
        return spent_s


def _facts(spec: EngineSpec, kinds: list[str]) -> dict[str, Any]:
    """Return everything that the result depends on. Raises OSError if the file cannot be read."""
    digest = hashlib.sha256()
    with open(spec.model, 'rb') as file:
        while chunk := file.read(_CHUNK_BYTES):
            digest.update(chunk)
    return {
        'model_sha256': digest.hexdigest(),
        'engines': {kind: FINDERS[kind]().found for kind in kinds},
        'cpu': [_cpu_name(), os.cpu_count()],
        'batch': spec.max_batch,
        'threads': spec.config.threads,
        'precision': spec.config.precision,
        'input_size': list(spec.input_size or ()),
    }


def _cpu_name() -> str:
    try:
        lines = Path('/proc/cpuinfo').read_text(encoding='utf-8', errors='replace').splitlines()
    except OSError:
        lines = []
    names = (line.partition(':')[2].strip() for line in lines if line.startswith('model name'))
    return next(names, platform.processor())


def _key(facts: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:_KEY_LENGTH]


def _read(file: Path, facts: Mapping[str, Any], kinds: list[str]) -> dict[str, float] | None:
    """Return the kept result; None if there is none, or if the file is broken."""
    try:
        kept = json.loads(file.read_bytes())
        measured = {kind: float(kept['ms_per_image'][kind]) for kind in kinds}
    except (OSError, ValueError, TypeError, KeyError):
        return None
    usable = kept.get('facts') == facts and all(0.0 < ms < math.inf for ms in measured.values())
    return measured if usable else None


def _keep(file: Path, facts: Mapping[str, Any], measured: Mapping[str, float]) -> None:
    text = json.dumps({'facts': facts, 'ms_per_image': measured}, indent=1, sort_keys=True)
    try:
        write_whole(file, text.encode(), os.getpid())
    except OSError as error:
        _log.info('the trial is repeated at the next start, because its result cannot be kept: %s', error)
