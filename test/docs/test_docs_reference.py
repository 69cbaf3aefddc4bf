"""The reference pages agree with the code."""

import re

import pytest
from markdown_pages import ROOT

from stream_infer_ros.config.reference import markdown
from tools.reference_pages import command_line_page, launch_arguments_page

REFERENCE = ROOT / 'docs' / 'reference'


@pytest.mark.parametrize(
    ('name', 'page'),
    [('parameters.md', markdown), ('launch-arguments.md', launch_arguments_page)],
)
def test_a_generated_page_is_up_to_date(name, page):
    assert (REFERENCE / name).read_text(encoding='utf-8') == page(), 'run `make docs` and commit its changes'


def test_the_command_line_page_is_up_to_date():
    # Versions of Typer differ in how they describe types and ranges.
    written = (REFERENCE / 'command-line.md').read_text(encoding='utf-8')
    assert described(written) == described(command_line_page()), 'run `make docs` and commit its changes'


def described(page: str) -> list[tuple[str, ...]]:
    """Commands, arguments and options in order, with their descriptions."""
    return re.findall(r'^(?:## `(.+)`|\* `([\w-]+)[^`]*`: ([^\[\n]*))', page, flags=re.MULTILINE)
