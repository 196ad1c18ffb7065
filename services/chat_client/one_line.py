"""A text on one line of bearable length, for a title, a quotation, a row of a list."""

from __future__ import annotations


def one_line(text: str, longest: int) -> str:
    """The text without line breaks; cut to `longest` characters, the last of them an ellipsis."""
    line = " ".join(text.split())
    return line if len(line) <= longest else line[: longest - 1] + "…"
