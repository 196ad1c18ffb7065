"""Cuts a growing Markdown answer into finished blocks and a tail that still changes.

Owns: where a cut is safe. A page renders an element's whole text at every update, so a long answer
in one element gets slower with each token; finished blocks are drawn once.
"""

from __future__ import annotations

import re

FINISHED_CHARACTERS = 200  # Shorter blocks cost more in elements than they save in rendering.
FENCE = re.compile(r" {0,3}(`{3,}|~{3,}|\$\$)")
MAY_CONTINUE = re.compile(r"[ \t]|[-*+>|] ?|\d+[.)] ")  # A list, a quote or a table may go on.
DECIDED = re.compile(r"[^\s\d*+>|-]")  # No line that goes on with something begins like this.


class Blocks:
    """Feed it the whole text so far; it hands out each finished block once."""

    def __init__(self, least: int = FINISHED_CHARACTERS) -> None:
        """`least`: characters of a block; what is shorter stays with what follows."""
        self._least = least
        self._cut = 0  # Where the tail begins.
        self._seen = 0  # Where the first line that has not been looked at begins.
        self._fence = ""
        self._candidate = 0  # Just behind the last blank line outside a fence, 0 for none.

    def finished(self, text: str) -> list[str]:
        """The blocks that have become final since the last call."""
        blocks = []
        while (end := text.find("\n", self._seen)) >= 0:
            line = text[self._seen : end]
            if self._begins_anew(line):
                blocks += self._cut_off(text)
            self._seen = end + 1
            if line.strip():
                self._candidate = 0
                self._mark_fence(line)
            elif not self._fence:
                self._candidate = self._seen
        # How a line begins mostly tells before its end does that it belongs to nothing above.
        if self._candidate and DECIDED.match(text, self._seen):
            blocks += self._cut_off(text)
        return blocks

    def _cut_off(self, text: str) -> list[str]:
        """What ends at the candidate, if that is long enough."""
        if self._candidate - self._cut < self._least:
            return []
        begin, self._cut = self._cut, self._candidate
        return [text[begin : self._cut]]

    def _begins_anew(self, line: str) -> bool:
        """True when the line after a blank one belongs to nothing that came before."""
        return self._candidate > 0 and bool(line.strip()) and not MAY_CONTINUE.match(line)

    def tail(self, text: str) -> str:
        """What is not final yet."""
        return text[self._cut :]

    def _mark_fence(self, line: str) -> None:
        """Notes whether the next line is inside a code fence or a formula of several lines."""
        stripped = line.strip()
        if self._fence == "$$":
            closes = stripped.endswith("$$")
        else:
            closes = bool(self._fence) and set(stripped) == {self._fence[0]}
            closes = closes and len(stripped) >= len(self._fence)
        if self._fence:
            self._fence = "" if closes else self._fence
        elif found := FENCE.match(line):
            formula_ends_here = found.group(1) == "$$" and stripped.endswith("$$", 2)
            self._fence = "" if formula_ends_here else found.group(1)
