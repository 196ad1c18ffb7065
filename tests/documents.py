"""Reads the repository's Markdown for the tests: which pages there are, their sections and code.

Knows only the Markdown that these pages use (ATX headings, fenced code, inline links). It checks
nothing itself.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from tests.running import ROOT

_FENCE = re.compile(r"^```(\w*)[^\n]*\n(.*?)^```", re.MULTILINE | re.DOTALL)
_INLINE_CODE = re.compile(r"`([^`\n]+)`")
_HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
_LINK = re.compile(r"(!?)\[([^\]]*)\]\(([^)\s]+)\)")


@dataclass(frozen=True, slots=True)
class Link:
    image: bool
    text: str
    target: str


@dataclass(frozen=True)
class Page:
    """One Markdown file, or one section of it."""

    path: Path
    text: str

    def __repr__(self) -> str:
        return str(self.path.relative_to(ROOT))

    @cached_property
    def prose(self) -> str:
        """The text without fenced code."""
        return _FENCE.sub("", self.text)

    @cached_property
    def links(self) -> list[Link]:
        found = _LINK.findall(_INLINE_CODE.sub("", self.prose))
        return [Link(mark == "!", text, target) for mark, text, target in found]

    @cached_property
    def anchors(self) -> set[str]:
        """What `#…` may name in this page, as GitHub derives it from the headings."""
        names = (re.sub(r"[^\w\- ]", "", heading).lower() for heading in self.headings)
        return {name.strip().replace(" ", "-") for name in names}

    @cached_property
    def headings(self) -> list[str]:
        return _HEADING.findall(self.prose)

    @cached_property
    def code(self) -> str:
        """Everything that is set as code, blocks and words in a line."""
        blocks = [body for _, body in _FENCE.findall(self.text)]
        return "\n".join(blocks + _INLINE_CODE.findall(self.prose))

    def blocks(self, language: str) -> list[str]:
        """The fenced code of one language, in order."""
        return [body for name, body in _FENCE.findall(self.text) if name == language]

    def rows(self) -> list[list[str]]:
        """The cells of every table row, headers and rulers left out."""
        lines = [line for line in self.prose.splitlines() if line.startswith("|")]
        rulers = [index for index, line in enumerate(lines) if set(line) <= set("|-: ")]
        skipped = {place for index in rulers for place in (index - 1, index)}
        kept = (line for index, line in enumerate(lines) if index not in skipped)
        return [[cell.strip() for cell in line.strip("|").split("|")] for line in kept]

    def section(self, heading: str) -> Page:
        """The part below `## heading`, up to the next heading of that level."""
        parts = self.text.split(f"\n## {heading}\n", 1)
        assert len(parts) == 2, f"{self!r} has no section {heading!r}"
        return Page(self.path, re.split(r"^## ", parts[1], maxsplit=1, flags=re.MULTILINE)[0])


def pages() -> list[Page]:
    """Every Markdown page that a reader of the repository meets."""
    paths = [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("models/*.md")]
    return [page(path) for path in sorted(paths)]


def page(path: Path) -> Page:
    return Page(path, path.read_text())
