"""Sets the thinking apart that some models write into the answer as `<think>…</think>`.

Owns: the tag at the very start of an answer, cut anywhere by streaming. Thinking that the server
already sends in a field of its own never comes here.
"""

from __future__ import annotations

from chat_client.messages import Reasoning, Text

OPEN, CLOSE = "<think>", "</think>"


class ThinkSplitter:
    """Feed it content as it comes; it returns the same text as Reasoning and Text pieces."""

    def __init__(self) -> None:
        self._held = ""  # Text that may still turn out to be part of a tag.
        self._state = "start"  # start -> (opened -> thinking -> gap ->) answer

    def feed(self, content: str) -> list[Reasoning | Text]:
        self._held += content
        pieces: list[Reasoning | Text] = []
        if self._state == "start":
            self._look_for_opening()
        if self._state == "opened":
            self._skip_space("thinking")
        if self._state == "thinking":
            pieces += self._thinking()
        if self._state == "gap":
            self._skip_space("answer")
        if self._state == "answer" and self._held:
            pieces.append(Text(self._held))
            self._held = ""
        return pieces

    def rest(self) -> list[Reasoning | Text]:
        """What was still held back when the answer ended."""
        held, self._held = self._held, ""
        if not held or self._state == "gap":
            return []
        return [Reasoning(held) if self._state == "thinking" else Text(held)]

    def _look_for_opening(self) -> None:
        text = self._held.lstrip()
        if text.startswith(OPEN):
            self._held, self._state = text[len(OPEN) :], "opened"
        elif not OPEN.startswith(text):
            self._state = "answer"

    def _skip_space(self, after: str) -> None:
        """Models put line breaks around the tags; the page has its own."""
        self._held = self._held.lstrip()
        self._state = after if self._held else self._state

    def _thinking(self) -> list[Reasoning | Text]:
        thought, close, after = self._held.partition(CLOSE)
        if close:
            self._held, self._state = after, "gap"
        else:
            keep = _partial_suffix(thought, CLOSE)
            thought, self._held = thought[: len(thought) - keep], thought[len(thought) - keep :]
        return [Reasoning(thought)] if thought else []


def _partial_suffix(text: str, tag: str) -> int:
    """How many characters at the end of `text` could be the beginning of `tag`."""
    longest = min(len(text), len(tag) - 1)
    return next((n for n in range(longest, 0, -1) if tag.startswith(text[-n:])), 0)
