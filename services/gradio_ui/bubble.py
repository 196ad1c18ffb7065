"""One Gradio chat message, in the form that `gr.Chatbot` takes.

Owns that form. What stands in the bubbles of a conversation is `transcript`'s.
"""

from __future__ import annotations

import re
from typing import Literal, TypedDict

FEWEST_TICKS = 3  # of a code block in Markdown


class Text(TypedDict):
    """A message's text as Gradio keeps it; a bare string would lose its indentation there."""

    type: Literal["text"]
    text: str


class Bubble(TypedDict, total=False):
    """`metadata` makes it a line that opens on a click."""

    role: Literal["user", "assistant"]
    content: list[Text]
    metadata: dict[str, str | float]


def text_parts(*parts: str) -> list[Text]:
    """A text as a bubble's content, in one part or in several that are drawn one by one."""
    return [{"type": "text", "text": part} for part in parts]


def code_block(text: str, language: str) -> str:
    """A text as Markdown shows it letter by letter, whatever is in it."""
    ticks = "`" * max([FEWEST_TICKS, *(len(run) + 1 for run in re.findall(r"`+", text))])
    return f"{ticks}{language}\n{text}\n{ticks}"


def folded(
    title: str, content: str, status: Literal["pending", "done"] | None = None, **nest: str
) -> Bubble:
    """A line that opens on a click; Gradio folds it when done and turns a wheel while pending.

    `nest`: the line's `id`, or the `parent_id` of the one that it lies in.
    """
    metadata: dict[str, str | float] = {"title": title, **nest}
    if status:
        metadata["status"] = status
    return {"role": "assistant", "content": text_parts(content), "metadata": metadata}
