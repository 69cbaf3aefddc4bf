"""The Python examples of the documentation run, on a short recording of two simulated cameras."""

import shutil
import subprocess
import sys

import pytest
from markdown_pages import pages

# The names that the examples give to a recording of the user.
RECORDINGS = ('rec', 'my_bag')
PAGES = [page for page in pages() if any(page.blocks('python'))]


@pytest.fixture(scope='module')
def recording(tmp_path_factory):
    bag = tmp_path_factory.mktemp('recording') / 'rec'
    command = [sys.executable, '-m', 'stream_infer_ros', 'simulate', '--bag', str(bag)]
    subprocess.run(
        [*command, '--cameras', '2', '--seconds', '1', '--seed', '7'], check=True, capture_output=True
    )
    return bag


@pytest.fixture
def folder_with_recordings(recording, tmp_path, monkeypatch):
    for name in RECORDINGS:
        shutil.copytree(recording, tmp_path / name)
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize('page', PAGES, ids=lambda page: page.name)
def test_python_examples_run(page, folder_with_recordings):
    """The examples of one page continue each other."""
    names = {'__name__': '__main__'}
    for number, block in enumerate(page.blocks('python'), start=1):
        exec(compile(block, f'{page.name}, Python example {number}', 'exec'), names)
