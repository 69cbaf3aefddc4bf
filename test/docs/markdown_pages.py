"""The Markdown pages of the repository, and what they contain."""

import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from markdown_it import MarkdownIt
from markdown_it.token import Token

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Page:
    """One Markdown file."""

    path: Path

    @property
    def name(self) -> str:
        return str(self.path.relative_to(ROOT))

    @cached_property
    def tokens(self) -> list[Token]:
        return MarkdownIt('commonmark').enable('table').parse(self.path.read_text(encoding='utf-8'))

    @cached_property
    def anchors(self) -> set[str]:
        """Anchors of the headings, as GitHub and MyST make them."""
        found: set[str] = set()
        for opening, inline in zip(self.tokens, self.tokens[1:], strict=False):
            if opening.type == 'heading_open':
                slug = anchor(''.join(child.content for child in inline.children or ()))
                repeats = sum(
                    re.fullmatch(rf'{re.escape(slug)}(-\d+)?', known) is not None for known in found
                )
                found.add(f'{slug}-{repeats}' if repeats else slug)
        return found

    def links(self) -> Iterator[str]:
        """Targets of all links and images."""
        for child in self._inline():
            target = child.attrs.get('href', child.attrs.get('src'))
            if target is not None:
                yield str(target)

    def inline_code(self) -> Iterator[str]:
        return (child.content for child in self._inline() if child.type == 'code_inline')

    def blocks(self, *languages: str) -> Iterator[str]:
        """Fenced blocks of these languages; '' stands for blocks that name none."""
        for token in self.tokens:
            if token.type == 'fence' and token.info.strip() in languages:
                yield token.content

    def html(self) -> Iterator[str]:
        """HTML within the text, except comments."""
        tokens = (*self.tokens, *self._inline())
        return (t.content for t in tokens if t.type.startswith('html_') and not t.content.startswith('<!--'))

    def _inline(self) -> Iterator[Token]:
        for token in self.tokens:
            yield from token.children or ()


def anchor(heading: str) -> str:
    return re.sub(r'[^\w\- ]', '', heading.lower()).replace(' ', '-')


def pages() -> list[Page]:
    """Every Markdown file that is in git or would be."""
    listed = subprocess.run(
        ['git', 'ls-files', '--cached', '--others', '--exclude-standard', '*.md'],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    # Without git, as in a workspace that colcon tests: what a source archive contains.
    names = listed.stdout.split() or [
        *(path.name for path in ROOT.glob('*.md')),
        *(str(path.relative_to(ROOT)) for path in (ROOT / 'docs').rglob('*.md')),
    ]
    return [Page(ROOT / name) for name in sorted(names) if (ROOT / name).is_file()]
