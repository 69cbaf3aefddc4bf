"""Commands and parameter files in the documentation are accepted by the programs they are for."""

import re
import shlex
from collections.abc import Iterator

import pytest
import typer
import yaml
from markdown_pages import ROOT, Page, pages

from stream_infer_ros.cli.app import app
from stream_infer_ros.config import load_config
from stream_infer_ros.config.reference import TREES, settings
from tools.reference_pages.launch_arguments import LAUNCH, read_launch_file

SHELL = ('', 'bash', 'sh', 'shell', 'console')
# Generated from the parsers themselves.
PAGES = [page for page in pages() if page.name != 'docs/reference/command-line.md']
COMMANDS = typer.main.get_command(app).commands
every_page = pytest.mark.parametrize('page', PAGES, ids=lambda page: page.name)


@every_page
def test_stream_infer_accepts_the_commands(page):
    for words in invocations(page, 'stream_infer', 'ros2 run stream_infer_ros stream_infer'):
        if not words or words[0] in ('-h', '--help'):
            continue
        name, *arguments = words
        assert name in COMMANDS
        if arguments and not {'-h', '--help'} & {*arguments}:
            COMMANDS[name].make_context(name, arguments)  # parses, and does not run the command


@every_page
def test_the_launch_files_have_the_arguments(page):
    wrong = []
    for words in invocations(page, 'ros2 launch stream_infer_ros'):
        file, *arguments = words
        names = {word.partition(':=')[0] for word in arguments if ':=' in word}
        if not (LAUNCH / file).is_file() or not names <= read_launch_file(LAUNCH / file).accepted():
            wrong.append(' '.join(words))
    assert wrong == []


@every_page
def test_the_executables_exist(page):
    scripts = set(re.findall(r"'(\w+) = stream_infer_ros", (ROOT / 'setup.py').read_text()))
    wrong = [words for words in invocations(page, 'ros2 run stream_infer_ros') if words[0] not in scripts]
    assert wrong == []


@every_page
def test_the_parameters_that_commands_set_exist(page):
    names = {setting.name for tree in TREES.values() for setting in settings(tree)}
    used = [
        words[1]
        for verb in ('set', 'get', 'describe')
        for words in invocations(page, f'ros2 param {verb}')
        if len(words) > 1
    ]
    assert [name for name in used if re.sub(r'^camera\.[^.]+\.', 'camera.<name>.', name) not in names] == []


@every_page
def test_parameter_files_are_valid(page, tmp_path):
    for block in page.blocks('yaml'):
        content = yaml.safe_load(block)
        if isinstance(content, dict) and is_for_stream_infer(content):
            file = tmp_path / 'params.yaml'
            file.write_text(block)
            load_config(file)


def is_for_stream_infer(content: dict[str, object]) -> bool:
    return any(
        name.strip('/') in ('**', 'stream_infer') and isinstance(node, dict) and 'ros__parameters' in node
        for name, node in content.items()
    )


def invocations(page: Page, *programs: str) -> Iterator[list[str]]:
    """The words that follow one of these programs, in shell blocks and inline code."""
    lines = [line for block in page.blocks(*SHELL) for line in shell_lines(block)]
    for line in (*lines, *page.inline_code()):
        for part in re.split(r'\s(?:&&|\|\|?|;)\s', line):
            command = re.sub(r'^\s*(?:\$ )?(?:nice )?(?:\.venv/bin/)?', '', part)
            for program in programs:
                if command == program or command.startswith(f'{program} '):
                    words = shlex.split(command[len(program) :], comments=True)
                    if words != ['...']:
                        yield without_redirection(words)


def shell_lines(block: str) -> list[str]:
    """Return the lines, with those that end with a backslash joined to the next one."""
    return re.sub(r'\\\n\s*', ' ', block).splitlines()


def without_redirection(words: list[str]) -> list[str]:
    return words[: words.index('>')] if '>' in words else words
