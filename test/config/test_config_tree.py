"""The configuration tree: files in, errors in words, and its own description."""

import contextlib
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from stream_infer_ros.config import Config, load_config, parse_config
from stream_infer_ros.config.reference import commented_yaml, settings
from stream_infer_ros.errors import ConfigError

ROOT = Path(__file__).resolve().parents[2]


def test_the_printed_tree_reads_back_as_the_defaults(tmp_path):
    file = tmp_path / 'all.yaml'
    file.write_text(commented_yaml())
    assert load_config(file) == Config()


def test_every_setting_says_what_it_does():
    assert [s.name for s in settings() if not s.description] == []


def test_shipped_files_are_valid():
    files = sorted((ROOT / 'config').glob('*.yaml'))
    assert files
    for file in files:
        load_config(file)


def test_the_nodes_own_section_wins_over_the_wildcard(tmp_path):
    file = tmp_path / 'two.yaml'
    file.write_text(
        '/**:\n  ros__parameters:\n    bound_ms: 80.0\n    sync: {slop_ms: 7.0}\n'
        'stream_infer:\n  ros__parameters:\n    sync.policy: exact\n    bound_ms: 50.0\n'
        'other:\n  ros__parameters:\n    bound_ms: 1.0\n'
    )
    config = load_config(file)
    assert (config.bound_ms, config.sync.policy, config.sync.slop_ms) == (50.0, 'exact', 7.0)


@pytest.mark.parametrize(
    ('settings', 'words'),
    [
        ({'sync': {'slop': 3}}, 'no setting sync.slop'),
        ({'bound_ms': -1}, 'bound_ms: input should be greater than 0, got -1'),
        ({'engine': {'kind': 'cuda'}}, "engine.kind: input should be 'auto'"),
        ({'cameras': 'front'}, 'cameras'),
        ({'bound_ms': float('inf')}, 'bound_ms'),
        ({'map': {'size_m': 400.0, 'resolution_m': 0.01}}, 'at most 4000 cells along an edge'),
        ({'graph': {'namespace': 'robot'}}, 'graph.namespace'),
        ({'model.class_thresholds': ['person']}, "e.g. person:0.4, not 'person'"),
        ({'model.class_thresholds': ['person:2']}, 'a score from 0 to 1'),
        ({'model.class_thresholds': [':0.5']}, 'a class and a score'),
    ],
)
def test_a_wrong_setting_is_named(settings, words):
    with pytest.raises(ConfigError, match='stream_infer config') as caught:
        parse_config(settings, 'here')
    assert words in str(caught.value)


@pytest.mark.parametrize(
    'text', ['- a\n', '{', 'just text', '\x00', '/**: {ros__parameters: [1]}', '/**: 5\n1: {x: 2}']
)
def test_what_is_no_mapping_is_refused(tmp_path, text):
    file = tmp_path / 'bad.yaml'
    file.write_text(text)
    with pytest.raises(ConfigError):
        load_config(file)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(ConfigError, match=r'nowhere\.yaml'):
        load_config(tmp_path / 'nowhere.yaml')


@given(
    st.dictionaries(
        st.text(max_size=8),
        st.recursive(
            st.integers() | st.text(max_size=4),
            lambda s: st.dictionaries(st.text(max_size=4), s, max_size=3),
            max_leaves=5,
        ),
        max_size=4,
    )
)
def test_any_mapping_is_taken_or_refused(mapping):
    with contextlib.suppress(ConfigError):
        parse_config(mapping, 'here')


def test_yaml_dump_of_a_changed_tree_reads_back(tmp_path):
    config = Config(cameras=('a', 'b'), bound_ms=33.0)
    file = tmp_path / 'changed.yaml'
    file.write_text(yaml.safe_dump({'/**': {'ros__parameters': config.model_dump(mode='json')}}))
    assert load_config(file) == config


def test_sections_of_others_do_not_matter_whatever_they_hold(tmp_path):
    file = tmp_path / 'mixed.yaml'
    file.write_text('/**: 5\n7: {ros__parameters: {}}\nstream_infer: {ros__parameters: {bound_ms: 50.0}}\n')
    assert load_config(file).bound_ms == 50.0
