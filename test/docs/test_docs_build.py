"""`make docs`: the site builds without warnings, and every page is reachable from its index."""

import re
import subprocess
import sys

from markdown_pages import ROOT


def test_the_site_builds_without_warnings(tmp_path):
    command = [sys.executable, '-m', 'sphinx', '-q', '-E', '-n', '-W', '--keep-going']
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
