"""Each package imports only what stands above it; read from the imports with ast."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1] / 'stream_infer_ros'

# Top to bottom: a room may import itself and the rooms before it.
LAYERS = [
    'errors',
    'drop_causes',
    'config',
    'resources',
    'memory_use',
    'cameras',
    'sync',
    'inference',
    'mapping',
    'messages',
    'graph',
    'pipeline',
    'simulation',
    'evaluation',
    'report',
    'demo',
    'capacity',
    'cli',
    '__main__',
]
# Narrower than its row: the middleware seam moves bytes and knows no values.
ONLY = {'graph': {'errors', 'config', 'resources', 'messages.typestore'}}
# What only a sourced ROS has; packages of messages are told by `package.msg`.
ROS = {
    'ament_index_python',
    'cv_bridge',
    'diagnostic_updater',
    'launch',
    'launch_ros',
    'message_filters',
    'rclpy',
    'tf2_ros',
}


def imports(path: Path) -> list[tuple[int, str]]:
    """(line, dotted module below the package) of every import of ours in a file."""
    found = []
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found += [(node.lineno, alias.name) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f'{path}:{node.lineno} imports relatively; write the whole name'
            found.append((node.lineno, node.module or ''))
    return found


def ours(found: list[tuple[int, str]]) -> list[tuple[int, str]]:
    prefix = 'stream_infer_ros.'
    return [(line, name[len(prefix) :]) for line, name in found if name.startswith(prefix)]


def room_of(path: Path) -> str:
    return path.relative_to(ROOT).with_suffix('').parts[0]


FILES = sorted(p for p in ROOT.rglob('*.py') if p != ROOT / '__init__.py')


def test_every_room_has_its_place_in_the_table():
    assert {room_of(p) for p in FILES} <= {*LAYERS, 'nodes'}


@pytest.mark.parametrize('path', FILES, ids=lambda p: str(p.relative_to(ROOT)))
def test_imports_only_what_stands_above(path):
    room = room_of(path)
    if room == 'nodes':
        return
    above = LAYERS[: LAYERS.index(room) + 1]
    for line, name in ours(imports(path)):
        target = name.split('.')[0]
        assert target in above, f'{path}:{line} {room} must not import {name}'
        if room in ONLY and target != room:
            assert any(name == a or name.startswith(a + '.') for a in ONLY[room]), (
                f'{path}:{line} {room} may import only {sorted(ONLY[room])}, not {name}'
            )


@pytest.mark.parametrize('path', FILES, ids=lambda p: str(p.relative_to(ROOT)))
def test_ros_stays_in_its_rooms(path):
    allowed = room_of(path) == 'nodes' or path.is_relative_to(ROOT / 'graph' / 'ros')
    uses = [name for _, name in imports(path) if name.split('.')[0] in ROS or name.split('.')[-1] == 'msg']
    assert allowed or not uses
