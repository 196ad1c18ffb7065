"""What the playground's widgets are set to when the page is loaded anew, and what they ask for."""

from __future__ import annotations

import json
from typing import Any

import gradio as gr
import pytest

from chat_client import SAMPLING_FIELDS, ChatError, Model, Sampling
from gradio_ui.controls import widget_values
from gradio_ui.playground_rules import CONTESTANT, RULES, contestants, offered_rules

MODELS = [Model("one", "One", loaded=True), Model("two", "Two", loaded=True)]
AT = {field.name: 1 + number for number, field in enumerate(SAMPLING_FIELDS)}


def side(model: str | None, **settings: Any) -> list[Any]:
    return [model, *widget_values(settings)]


def rules(*sides: list[Any]) -> list[Any]:
    idle = [side(None)] * (4 - len(sides))
    return [len(sides), False, False, *(each for one in (*sides, *idle) for each in one)]


FRESH = [2, *rules()[1:]]
KEPT = rules(side("two", temperature=0.2, seed=7, top_k=3), side("gone", stop=["END"]), side("one"))


def models_of(updates: tuple[Any, ...]) -> list[str]:
    return [update["value"] for update in updates[3::CONTESTANT]]


def kept_with(name: str, value: Any) -> str:
    changed = list(KEPT)
    changed[3 + AT[name]] = value
    return json.dumps(changed)


def test_what_the_browser_has_kept_is_set_again_and_a_model_that_has_gone_gives_way() -> None:
    updates = offered_rules(MODELS, FRESH, json.dumps(KEPT))
    assert updates[:3] == (3, False, False)
    assert models_of(updates) == ["two", "two", "one", "two"]
    first, second = (list(updates[3 + at : 3 + at + CONTESTANT]) for at in (0, CONTESTANT))
    assert first[1:] == side("two", temperature=0.2, seed=7, top_k=3)[1:]
    assert second[AT["stop"]] == "END"
    assert len(updates) == RULES


@pytest.mark.parametrize(
    "kept",
    [
        "",
        "{",
        "{}",
        "[]",
        json.dumps([9, *KEPT[1:]]),
        json.dumps(KEPT[:-1]),
        kept_with("temperature", 7),
        kept_with("seed", None),
        kept_with("reasoning_effort", "much"),
    ],
)
def test_what_cannot_be_is_not_set(kept: str) -> None:
    updates = offered_rules(MODELS, FRESH, kept)
    assert models_of(updates) == ["one", "two", "one", "two"]
    models = range(3, RULES, CONTESTANT)
    others = [update for number, update in enumerate(updates) if number not in models]
    assert all(update == gr.skip() for update in others)


def test_without_any_model_none_is_picked() -> None:
    assert models_of(offered_rules([], FRESH, json.dumps(KEPT))) == [None] * 4


def test_each_side_is_asked_with_its_own_settings() -> None:
    settings = {"temperature": 0.0, "top_p": 0.5, "max_tokens": 5, "stop": ["a", "b"]}
    first, second = contestants(rules(side("one", **settings), side("two")))
    assert first.sampling == Sampling.from_settings(settings)
    assert second.sampling == Sampling(temperature=0.7, top_p=0.95)


def test_what_cannot_be_asked_is_named_with_its_side() -> None:
    wrong = side("two")
    wrong[AT["max_tokens"]] = "many"
    with pytest.raises(ChatError, match="Model 2: Max tokens must be a number"):
        contestants(rules(side("one"), wrong))
