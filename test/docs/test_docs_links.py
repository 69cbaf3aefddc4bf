"""Links between pages lead somewhere. Links to other sites are not followed: tests use no network."""

import re
from pathlib import Path

import pytest
from markdown_pages import ROOT, Page, pages

# Places that name documents in messages, comments and instructions.
NAMING_DOCUMENTS = (
    'stream_infer_ros',
    'launch',
    'config',
    'benchmarks',
    'examples',
    'tools',
    'training',
    '.github',
)
REPOSITORY_FILE = re.compile(
    r'(?:test|benchmarks|config|docs|examples|launch|tools|stream_infer_ros)/[\w/.-]+\.\w+'
)
DOCUMENT = re.compile(r'\bdocs/[\w/.-]+\.(?:md|jpg|png|gif|svg)\b')


@pytest.mark.parametrize('page', pages(), ids=lambda page: page.name)
def test_links_lead_to_files_and_headings(page):
    broken = [target for target in page.links() if not leads_somewhere(page, target)]
    assert broken == []


def leads_somewhere(page: Page, target: str) -> bool:
    if re.match(r'[a-z]+:', target):
        return True
    name, _, heading = target.partition('#')
    path = (page.path.parent / name).resolve() if name else page.path
    if not path.exists():
        return False
    return not heading or heading in Page(path).anchors


@pytest.mark.parametrize('page', pages(), ids=lambda page: page.name)
def test_placeholders_are_not_taken_for_html(page):
    """Outside of code, <camera> would be invisible."""
    assert [
        html for html in page.html() if not re.match(r'</?(img|br|p|a|picture|source|video)\b', html)
    ] == []


@pytest.mark.parametrize('page', pages(), ids=lambda page: page.name)
def test_files_of_the_repository_that_a_page_names_exist(page):
    named = [code for code in page.inline_code() if REPOSITORY_FILE.fullmatch(code)]
    assert [name for name in named if not (ROOT / name).is_file()] == []


def test_documents_that_the_code_names_exist():
    missing = {
        f'{path.relative_to(ROOT)}: {name}'
        for folder in NAMING_DOCUMENTS
        for path in text_files(ROOT / folder)
        for name in DOCUMENT.findall(path.read_text(encoding='utf-8', errors='ignore'))
        if not (ROOT / name).is_file()
    }
    assert missing == set()


def text_files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob('*') if path.suffix in ('.py', '.xml', '.yaml', '.html', '.md')]
