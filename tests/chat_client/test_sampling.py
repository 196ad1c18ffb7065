"""Settings of an answer: only what was set is sent, under the names that each server reads."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import pytest

from chat_client import (
    SAMPLING_FIELDS,
    SUGGESTED,
    ChatError,
    Sampling,
    read_json_schema,
    read_stop,
    sampling_problem,
)
from chat_client.sampling_fields import MODES

EVERYTHING = Sampling(
    temperature=0.0,
    top_p=0.5,
    max_tokens=8,
    top_k=0,
    min_p=0.1,
    repeat_penalty=1.1,
    seed=0,
    stop=("END",),
    reasoning_effort="low",
    json_schema={"type": "object"},
)


def test_nothing_set_sends_nothing() -> None:
    assert Sampling().request() == {}
    assert Sampling().settings() == {}


def test_each_setting_reaches_the_field_that_servers_read() -> None:
    assert EVERYTHING.request() == {
        "temperature": 0.0,
        "top_p": 0.5,
        "max_tokens": 8,
        "seed": 0,
        "stop": ["END"],
        "reasoning_effort": "low",
        "response_format": {
            "type": "json_schema",
            "json_schema": {"name": "answer", "strict": True, "schema": {"type": "object"}},
        },
        "extra_body": {"top_k": 0, "min_p": 0.1, "repeat_penalty": 1.1},
    }


def test_what_is_kept_comes_back_the_same() -> None:
    assert Sampling.from_settings(EVERYTHING.settings()) == EVERYTHING


def test_a_preset_of_another_program_is_read_as_far_as_it_goes() -> None:
    kept = {"temperature": 9, "top_p": 0.5, "stop": "END", "seed": True, "mirostat": 2}
    assert Sampling.from_settings(kept) == Sampling(top_p=0.5, stop=("END",))
    assert Sampling.from_settings({"stop": 7, "json_schema": "x"}) == Sampling()


def test_the_table_explains_every_setting_within_the_three_modes() -> None:
    assert {row.name for row in SAMPLING_FIELDS} == {field.name for field in fields(Sampling)}
    for row in SAMPLING_FIELDS:
        assert row.what.endswith(".")
        assert row.shown_in("developer")
        assert row.shown_in(row.mode)
        assert not any(row.shown_in(mode) for mode in MODES[: MODES.index(row.mode)])
        if row.suggested is not None:
            assert sampling_problem(row.name, row.suggested) is None
    assert (SUGGESTED.temperature, SUGGESTED.top_p, SUGGESTED.seed) == (0.7, 0.95, None)


@pytest.mark.parametrize(
    ("name", "value", "word"),
    [
        ("temperature", 2.1, "from 0 to 2"),
        ("temperature", float("nan"), "a number"),
        ("top_k", 1.5, "a whole number"),
        ("seed", -1, "whole number"),
        ("reasoning_effort", "on", "one of: none, minimal"),
        ("stop", ["a"] * 5, "4 stop strings"),
        ("stop", [""], "1 to 500"),
        ("json_schema", [], "JSON object"),
    ],
)
def test_a_value_that_cannot_be_is_one_sentence(name: str, value: Any, word: str) -> None:
    problem = sampling_problem(name, value)
    assert problem is not None
    assert word in problem
    with pytest.raises(ChatError):
        Sampling(**{name: value}).request()


def test_text_boxes_are_read() -> None:
    assert read_stop("END\n\n\\n\\n\n") == ("END", "\n\n")
    assert read_json_schema("  ") is None
    assert read_json_schema('{"type": "object"}') == {"type": "object"}
    for text, word in (("[1]", "must be an object"), ("{\n x", "line 2"), ("[" * 20_000, "deep")):
        with pytest.raises(ValueError, match=word):
            read_json_schema(text)
