"""What the playground's widgets are set to when the page is loaded anew."""

from __future__ import annotations

import json
from typing import Any

import gradio as gr
import pytest

from chat_client import Model
from gradio_ui.playground_rules import CONTESTANT, RULES, offered_rules

MODELS = [Model("one", "One", loaded=True), Model("two", "Two", loaded=True)]
FRESH: list[Any] = [2, False, False, *[None, 0.7, ""] * 4]
KEPT: list[Any] = [3, True, False, "two", 0.2, "7", "gone", 1.5, "", *[None, 0.7, ""] * 2]


def models_of(updates: tuple[Any, ...]) -> list[str]:
    return [update["value"] for update in updates[3::CONTESTANT]]


def test_what_the_browser_has_kept_is_set_again_and_a_model_that_has_gone_gives_way() -> None:
    updates = offered_rules(MODELS, FRESH, json.dumps(KEPT))
    assert updates[:3] == (3, True, False)
    assert models_of(updates) == ["two", "two", "one", "two"]
    assert updates[4:6] == (0.2, "7")
    assert len(updates) == RULES


@pytest.mark.parametrize(
    "kept",
    [
        "",
        "{",
        "{}",
        "[]",
        json.dumps([9, *KEPT[1:]]),
        json.dumps([*KEPT[:4], 7, *KEPT[5:]]),
        json.dumps([*KEPT[:5], None, *KEPT[6:]]),
    ],
)
def test_what_cannot_be_is_not_set(kept: str) -> None:
    updates = offered_rules(MODELS, FRESH, kept)
    assert models_of(updates) == ["one", "two", "one", "two"]
    others = [update for number, update in enumerate(updates) if number not in range(3, RULES, 3)]
    assert all(update == gr.skip() for update in others)


def test_without_any_model_none_is_picked() -> None:
    assert models_of(offered_rules([], FRESH, json.dumps(KEPT))) == [None] * 4
