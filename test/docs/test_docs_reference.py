"""The reference pages agree with the code."""

import re
from xml.etree import ElementTree

import pytest
from markdown_pages import ROOT

from stream_infer_ros.config.reference import markdown
from stream_infer_ros.pipeline.health.statistics import STAGES
from tools.reference_pages import command_line_page, launch_arguments_page, with_drop_causes

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


def test_the_causes_of_lost_images_are_up_to_date():
    page = (REFERENCE / 'diagnostics.md').read_text(encoding='utf-8')
    assert '| `dropped.late` |' in page
    assert page == with_drop_causes(page), 'run `make docs` and commit its changes'


def test_every_stage_is_described():
    page = (REFERENCE / 'diagnostics.md').read_text(encoding='utf-8')
    assert [stage for stage in STAGES if f'| `{stage}` |' not in page] == []


@pytest.mark.parametrize('node', ['stream_infer', 'occupancy_fusion', 'camera_world'])
def test_every_topic_and_service_of_the_sros2_policies_is_described(node):
    policy = ElementTree.parse(ROOT / 'config' / 'sros2' / f'{node}.policy.xml')
    names = {element.text for kind in ('topic', 'service') for element in policy.iter(kind)}
    page = (REFERENCE / 'nodes.md').read_text(encoding='utf-8')
    described = set(re.findall(r'`([~/\w<>]+)`', page))
    # Inputs are patterns in the policies; every ROS node has the two topics.
    outputs = {name.replace('~/*/', '~/<camera>/') for name in names if not re.match(r'[*\w]', name)}
    assert outputs - {'/parameter_events', '/rosout'} - described == set()
