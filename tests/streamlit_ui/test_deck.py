"""The presenter's deck: ours can be used, and a wrong one says where it is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from streamlit_ui.deck import OUR_DECK, DeckProblem, load_deck, read_deck
from streamlit_ui.veil import veiled


def test_our_deck_follows_the_101() -> None:
    titles = [step.title for step in load_deck(OUR_DECK)]
    assert titles[1:4] == ["Tokens", "Temperature", "Quantization"]
    assert all(step.prompts for step in load_deck(OUR_DECK))


def test_a_step_has_text_and_prompts_with_settings() -> None:
    (step,) = read_deck(
        "# A title\n\nFor the author.\n\n## Warm\n\nWords.\n\n```sh\necho hi\n```\n\n"
        "```prompt temperature=1.5 max_tokens=9 model=a@q4\nTell me\nmore.\n```\n"
    )
    assert (step.title, step.text) == ("Warm", "Words.\n\n```sh\necho hi\n```")
    (prompt,) = step.prompts
    assert (prompt.text, prompt.model) == ("Tell me\nmore.", "a@q4")
    assert prompt.sampling.settings() == {"temperature": 1.5, "max_tokens": 9}
    assert prompt.note == "temperature 1.5 · max tokens 9 · a@q4"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "no step"),
        ("Words alone.", "no step"),
        ("```prompt\nToo soon.\n```\n## A", "Line 1: a prompt stands before"),
        ("## A\n```prompt\nNo end.", "Line 2: the block"),
        ("## A\n```prompt warmth=3\nHi\n```", "Line 2: there is no setting warmth"),
        ("## A\n```prompt temperature=99\nHi\n```", "Line 2: "),
        ("## A\n```prompt\n\n```", "Line 2: the prompt is empty"),
    ],
)
def test_a_deck_that_cannot_be_used_says_where(text: str, told: str) -> None:
    with pytest.raises(DeckProblem, match=told):
        read_deck(text)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(DeckProblem, match=r"mine\.md cannot be read"):
        load_deck(tmp_path / "mine.md")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("LM Studio at http://192.168.1.20:1234/v1 refused", "LM Studio at http://•••/v1 refused"),
        ("host.docker.internal is 172.17.0.1", "••• is •••"),
        ("the key lk-abcDEF123 is wrong", "the key ••• is wrong"),
        ("Version 1.5 of 3 models.", "Version 1.5 of 3 models."),
    ],
)
def test_hosts_and_keys_are_veiled(text: str, shown: str) -> None:
    assert veiled(text) == shown
