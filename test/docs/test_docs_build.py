"""`make docs`: the site builds without warnings, and every page is reachable from its index."""

import re
import subprocess
import sys

import pytest
from markdown_pages import ROOT

# docs.ros.org builds the site without them.
DEPENDENCIES = 'cv2,filelock,matplotlib,numpy,platformdirs,pydantic,rich,rosbags,typer,yaml'


@pytest.mark.parametrize(
    'options', [[], ['-D', f'autodoc_mock_imports={DEPENDENCIES}']], ids=['installed', 'docs.ros.org']
)
def test_the_site_builds_without_warnings(tmp_path, options):
    command = [sys.executable, '-m', 'sphinx', '-q', '-E', '-n', '-W', '--keep-going', *options]
    built = subprocess.run(
        [*command, '-d', str(tmp_path / 'doctrees'), str(ROOT / 'docs'), str(tmp_path / 'html')],
        capture_output=True,
        text=True,
        check=False,
    )
    assert built.returncode == 0, built.stderr
    # A class that cannot be imported would leave its section empty.
    api = (tmp_path / 'html' / 'reference' / 'python-api.html').read_text(encoding='utf-8')
    described = re.findall(r'autoclass:: (\S+)', (ROOT / 'docs/reference/python-api.md').read_text())
    assert [name for name in described if f'id="{name}"' not in api] == []
