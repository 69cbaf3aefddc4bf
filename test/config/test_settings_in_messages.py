"""Every setting, option value and page that a message or a docstring names exists."""

import ast
import re
from functools import cache
from pathlib import Path
from typing import get_args

import pytest

import stream_infer_ros
from stream_infer_ros.config import Config, ModelFamily
from stream_infer_ros.config.reference import settings
from stream_infer_ros.inference.card_file import shipped_cards

PACKAGE = Path(stream_infer_ros.__file__).parent
ROOT = PACKAGE.parent
SECTIONS = ('camera', 'engine', 'graph', 'map', 'model', 'publish', 'sync')
NAMED = re.compile(rf'(?<![\w./:-])((?:{"|".join(SECTIONS)})\.[a-z_<>]+(?:\.[a-z_]+)*)(?![\w(]|\.\w)')
# File names and attributes that look like settings.
OTHERS = re.compile(r'.*\.(onnx|xml|json|yaml|py|png)|engine\.io\b.*')
PAGES = re.compile(r'\b(docs/[\w/-]+\.md)\b')
FAMILY = re.compile(r'\bfamily[:=]? `?([a-z][a-z0-9_]+[a-z0-9])\b')


@cache
def texts() -> list[tuple[str, str]]:
    """Return every string of the package with its place. The parts of an f-string are joined with {}."""
    found = []
    for path in sorted(PACKAGE.rglob('*.py')):
        inside: set[int] = set()
        for node in ast.walk(ast.parse(path.read_text(encoding='utf-8'))):
            if isinstance(node, ast.JoinedStr):
                inside.update(id(part) for part in node.values)
                parts = [part.value if isinstance(part, ast.Constant) else '{}' for part in node.values]
                found.append((f'{path.relative_to(ROOT)}:{node.lineno}', ''.join(map(str, parts))))
            elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in inside:
                found.append((f'{path.relative_to(ROOT)}:{node.lineno}', node.value))
    return found


@pytest.fixture(scope='module')
def known() -> set[str]:
    names = {setting.name for setting in settings(Config)}
    sections = {name.rsplit('.', count)[0] for name in names for count in range(1, name.count('.') + 1)}
    return names | sections


def test_settings_that_messages_name_exist(known):
    named = [(place, name) for place, text in texts() for name in NAMED.findall(text)]
    assert len({name for _, name in named}) > 40
    missing = [(place, name) for place, name in named if name not in known and not OTHERS.fullmatch(name)]
    assert missing == []


def test_pages_that_messages_name_exist():
    named = [(place, page) for place, text in texts() for page in PAGES.findall(text)]
    assert named
    assert [(place, page) for place, page in named if not (ROOT / page).is_file()] == []


def test_cards_that_messages_name_exist():
    named = {card for _, text in texts() for card in re.findall(r'\b([a-z0-9_]+_coco)\b', text)}
    assert named
    assert named <= set(shipped_cards())


def test_families_of_the_shipped_cards_and_of_the_documentation_exist():
    families = set(get_args(ModelFamily))
    pages = [*ROOT.glob('docs/how-to/*.md'), *ROOT.glob('docs/reference/models.md')]
    named = {
        family
        for path in pages
        for family in re.findall(r'`family: ([a-z0-9_]+)`', path.read_text(encoding='utf-8'))
    }
    assert named
    assert named <= families
