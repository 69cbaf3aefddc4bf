"""Plans on disk: found again, built again where anything is wrong, never half written."""

import errno
import json
import os
import sys
import threading
from pathlib import Path

import pytest

from stream_infer_ros.errors import EngineError
from stream_infer_ros.inference.engines.cache_folder import cache_folder
from stream_infer_ros.inference.engines.tensorrt.plan_cache import PlanCache

FACTS = {'onnx_sha256': 'abc', 'version': '10.3.0', 'profile': [1, 6, 6]}
PLAN = bytes(range(256)) * 40


class Builder:
    """Counts how often it was asked."""

    def __init__(self, plan: bytes = PLAN) -> None:
        self.plan, self.calls = plan, 0

    def __call__(self) -> bytes:
        self.calls += 1
        return self.plan


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / 'plans'


@pytest.fixture
def kept(folder: Path) -> Path:
    """Where a plan is, which was built just now."""
    cache = PlanCache(folder)
    cache.plan('net', FACTS, Builder())
    return cache.path_of('net', FACTS)


def built_again(folder: Path, facts: dict[str, object] = FACTS) -> bool:
    builder = Builder()
    assert PlanCache(folder).plan('net', facts, builder) == PLAN
    return builder.calls == 1


def test_a_plan_is_built_once(folder, kept):
    assert not built_again(folder)
    assert kept.read_bytes() == PLAN


@pytest.mark.parametrize('fact', FACTS)
def test_every_fact_counts(folder, kept, fact):
    assert built_again(folder, {**FACTS, fact: 'another'})
    assert not built_again(folder)


def test_asking_anew_builds_whatever_is_there(folder, kept):
    builder = Builder(b'another')
    assert PlanCache(folder).plan('net', FACTS, builder, anew=True) == b'another'
    assert PlanCache(folder).plan('net', FACTS, Builder()) == b'another'


def test_the_sidecar_says_what_the_plan_was_built_from(kept):
    sidecar = json.loads(kept.with_suffix('.json').read_text())
    assert sidecar['facts'] == FACTS
    assert len(sidecar['plan_sha256']) == 64


@pytest.mark.parametrize('size', [0, 1, len(PLAN) - 1])
def test_a_cut_plan_is_built_again(folder, kept, size):
    kept.write_bytes(PLAN[:size])
    assert built_again(folder)
    assert not built_again(folder)


def test_a_changed_plan_is_built_again(folder, kept):
    kept.write_bytes(b'\xff' + PLAN[1:])
    assert built_again(folder)


@pytest.mark.parametrize(
    'sidecar', [b'', b'{', b'\xff\xfe\x00', b'null', b'[]', b'{"facts": 1}', b'"text"', b'{}']
)
def test_a_broken_sidecar_has_the_plan_built_again(folder, kept, sidecar):
    kept.with_suffix('.json').write_bytes(sidecar)
    assert built_again(folder)
    assert not built_again(folder)


def test_a_sidecar_for_something_else_has_the_plan_built_again(folder, kept):
    sidecar = json.loads(kept.with_suffix('.json').read_text())
    sidecar['facts']['version'] = '10.4.0'
    kept.with_suffix('.json').write_text(json.dumps(sidecar))
    assert built_again(folder)


@pytest.mark.parametrize('suffix', ['.json', '.plan'])
def test_half_of_the_pair_is_no_plan(folder, kept, suffix):
    kept.with_suffix(suffix).unlink()
    assert built_again(folder)


def test_a_failed_build_leaves_nothing_behind(folder):
    def fail() -> bytes:
        raise EngineError('no')

    with pytest.raises(EngineError, match='no'):
        PlanCache(folder).plan('net', FACTS, fail)
    assert [path.suffix for path in folder.iterdir()] == ['.lock']
    assert built_again(folder)


def full_disk(*_: object) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_a_full_disk_is_an_error_that_leaves_no_part(folder, monkeypatch):
    monkeypatch.setattr(os, 'fsync', full_disk)
    with pytest.raises(EngineError, match=r'No space left.*make room'):
        PlanCache(folder).plan('net', FACTS, Builder())
    assert [path.suffix for path in folder.iterdir()] == ['.lock']
    monkeypatch.undo()
    assert built_again(folder)


def test_a_file_system_that_is_really_full(tmp_path):
    """/dev/full takes no byte: the temporary file is a way into it."""
    cache = PlanCache(tmp_path)
    path = cache.path_of('net', FACTS)
    path.with_name(f'{path.name}.0.tmp').symlink_to('/dev/full')
    with pytest.raises(EngineError, match='No space left'):
        cache.plan('net', FACTS, Builder())
    assert [path.suffix for path in tmp_path.iterdir()] == ['.lock']


def test_a_folder_that_cannot_be_made_or_used_is_told(tmp_path):
    (tmp_path / 'file').write_text('')
    for folder in (tmp_path / 'file', tmp_path / 'file' / 'below', Path('/proc/plans')):
        with pytest.raises(EngineError, match=r'engine\.cache_dir'):
            PlanCache(folder).plan('net', FACTS, Builder())


@pytest.mark.skipif(os.geteuid() == 0, reason='root may read and write everything')
@pytest.mark.parametrize('mode', [0o000, 0o500])
def test_a_folder_without_permission_is_told(folder, mode):
    folder.mkdir(mode=mode)
    with pytest.raises(EngineError, match='Permission denied'):
        PlanCache(folder).plan('net', FACTS, Builder())


def test_a_plan_that_is_a_folder_is_told(folder, kept):
    kept.unlink()
    kept.mkdir()
    with pytest.raises(EngineError, match=r'engine\.cache_dir'):
        PlanCache(folder).plan('net', FACTS, Builder())


def test_what_a_killed_process_left_is_written_over(folder, kept):
    kept.unlink()
    left = kept.with_name(f'{kept.name}.0.tmp')
    left.write_bytes(b'half')
    assert built_again(folder)
    assert not left.exists()


def test_the_second_process_waits_and_uses_the_plan_of_the_first(folder):
    """Two locks of one process exclude each other as those of two processes do."""
    first_builds, second_waits = threading.Event(), threading.Event()

    def build() -> bytes:
        first_builds.set()
        assert second_waits.wait(10)
        return PLAN

    first = threading.Thread(target=lambda: PlanCache(folder).plan('net', FACTS, build))
    first.start()
    assert first_builds.wait(10)
    builder = Builder(b'of the second')
    assert PlanCache(folder).plan('net', FACTS, builder, second_waits.set) == PLAN
    assert builder.calls == 0
    first.join()


def test_waiting_can_be_given_up(folder):
    first_builds, second_gave_up = threading.Event(), threading.Event()

    def build() -> bytes:
        first_builds.set()
        assert second_gave_up.wait(10)
        return PLAN

    def give_up() -> None:
        raise EngineError('given up')

    first = threading.Thread(target=lambda: PlanCache(folder).plan('net', FACTS, build))
    first.start()
    assert first_builds.wait(10)
    with pytest.raises(EngineError, match='given up'):
        PlanCache(folder).plan('net', FACTS, Builder(), give_up)
    second_gave_up.set()
    first.join()
    assert not built_again(folder)


def test_timings_are_kept_by_name(folder):
    cache = PlanCache(folder)
    assert cache.timing('a') == b''
    cache.keep_timing('a', b'quick')
    cache.keep_timing('b', b'')
    assert cache.timing('a') == b'quick'
    assert {path.name for path in folder.iterdir()} == {'a.timing'}


@pytest.mark.skipif(sys.platform != 'linux', reason='other systems keep caches elsewhere')
def test_the_folder_is_where_the_system_keeps_caches(monkeypatch):
    assert cache_folder('/plans') == Path('/plans')
    assert cache_folder('~/plans') == Path.home() / 'plans'
    monkeypatch.setenv('XDG_CACHE_HOME', '/x')
    assert cache_folder('') == Path('/x/stream_infer_ros')
    monkeypatch.delenv('XDG_CACHE_HOME')
    assert cache_folder('') == Path.home() / '.cache' / 'stream_infer_ros'
