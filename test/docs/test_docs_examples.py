"""The Python examples of the documentation run, on a short recording of two simulated cameras."""

import subprocess
import sys

import pytest
from markdown_pages import pages

# The names that the examples give to a recording of the user.
RECORDINGS = ('rec', 'my_bag')
PAGES = [page for page in pages() if any(page.blocks('python'))]


@pytest.fixture
def folder_with_recordings(tmp_path, monkeypatch):
    for name in RECORDINGS:
        command = [sys.executable, '-m', 'stream_infer_ros', 'simulate', '--bag', str(tmp_path / name)]
        options = ['--cameras', '2', '--seconds', '1', '--seed', '7']
        subprocess.run([*command, *options], check=True, capture_output=True)
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize('page', PAGES, ids=lambda page: page.name)
def test_python_examples_run(page, folder_with_recordings):
    """The examples of one page continue each other."""
    names = {'__name__': '__main__'}
    for number, block in enumerate(page.blocks('python'), start=1):
        exec(compile(block, f'{page.name}, Python example {number}', 'exec'), names)
