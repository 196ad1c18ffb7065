"""Cutting a growing answer: nothing is lost, nothing is cut in two that belongs together."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat_client.blocks import FINISHED_CHARACTERS, Blocks

LONG = "word " * (FINISHED_CHARACTERS // 5 + 1)


def grow(text: str, step: int = 7) -> tuple[list[str], str]:
    blocks = Blocks()
    finished: list[str] = []
    for end in range(step, len(text) + step, step):
        finished += blocks.finished(text[:end])
    return finished, blocks.tail(text)


def test_a_long_paragraph_is_finished_when_the_next_one_has_begun() -> None:
    finished, tail = grow(f"{LONG}\n\nSecond.\n")
    assert finished == [f"{LONG}\n\n"]
    assert tail == "Second.\n"


def test_short_paragraphs_stay_together() -> None:
    assert grow("One.\n\nTwo.\n\nThree.\n") == ([], "One.\n\nTwo.\n\nThree.\n")


@pytest.mark.parametrize(
    "between",
    [
        "```python\n{long}\n\nx = 1\n\ny = 2\n```",
        "~~~~\n{long}\n\n~~~\n\nstill code\n~~~~",
        "$$\n{long}\n\nx\n$$",
        "1. {long}\n\n2. next\n\n   more of it",
        "- {long}\n\n- next",
        "> {long}\n\n> next",
    ],
)
def test_code_formulas_lists_and_quotes_are_never_cut(between: str) -> None:
    body = between.format(long=LONG)
    finished, tail = grow(f"{body}\n\nAfter.\n")
    assert finished == [f"{body}\n\n"]
    assert tail == "After.\n"


@given(
    st.lists(st.sampled_from([LONG, "a", "", "", "```", "- b", "$$", "  c", "d"]), max_size=40),
    st.integers(1, 400),
)
def test_finished_blocks_and_tail_are_the_whole_text(lines: list[str], step: int) -> None:
    text = "\n".join(lines)
    finished, tail = grow(text, step)
    assert "".join(finished) + tail == text
    assert finished == grow(text, 1)[0]
