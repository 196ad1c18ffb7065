"""Thinking written into the answer as a tag, however streaming cuts it."""

from __future__ import annotations

import pytest

from chat_client.messages import Reasoning
from chat_client.reasoning import ThinkSplitter


def split(parts: list[str]) -> tuple[str, str]:
    splitter = ThinkSplitter()
    pieces = [piece for part in parts for piece in splitter.feed(part)] + splitter.rest()
    thought = "".join(p.text for p in pieces if isinstance(p, Reasoning))
    return thought, "".join(p.text for p in pieces if not isinstance(p, Reasoning))


WHOLE = "<think>\nFirst, a < b.\n</think>\n\nSo <b> it is."


@pytest.mark.parametrize("size", range(1, len(WHOLE) + 1))
def test_the_cuts_of_streaming_change_nothing(size: int) -> None:
    parts = [WHOLE[start : start + size] for start in range(0, len(WHOLE), size)]
    assert split(parts) == ("First, a < b.\n", "So <b> it is.")


@pytest.mark.parametrize(
    ("text", "thought", "answer"),
    [
        ("Plain.", "", "Plain."),
        ("<thin ice", "", "<thin ice"),
        ("<thi", "", "<thi"),
        ("Say <think> aloud</think>", "", "Say <think> aloud</think>"),
        ("<think>never done</th", "never done</th", ""),
        ("<think></think>Quick.", "", "Quick."),
        (" <think>a</think>b", "a", "b"),
    ],
)
def test_only_a_tag_at_the_start_counts(text: str, thought: str, answer: str) -> None:
    assert split([text]) == (thought, answer)
    assert split(list(text)) == (thought, answer)
