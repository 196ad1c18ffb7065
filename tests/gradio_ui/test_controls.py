"""The settings: what each mode shows, and how a widget's value becomes a setting and back."""

from __future__ import annotations

import json
from typing import Any

import pytest

from chat_client import SAMPLING_FIELDS, Sampling
from gradio_ui.controls import read_choices, set_settings, shown_settings

NAMES = ["system", *(field.name for field in SAMPLING_FIELDS)]


def shown(mode: str) -> dict[str, dict[str, Any]]:
    return dict(zip(NAMES, shown_settings(mode), strict=True))


def test_a_beginner_sees_no_setting_and_a_developer_all() -> None:
    assert not any(update["visible"] for update in shown("user").values())
    assert all(update["visible"] for update in shown("developer").values())
    power = shown("power")
    assert power["temperature"]["visible"]
    assert not power["json_schema"]["visible"]


def test_what_a_mode_hides_goes_back_to_what_is_suggested() -> None:
    assert shown("user")["temperature"]["value"] == 0.7
    assert shown("power")["seed"]["value"] == ""
    assert "value" not in shown("power")["temperature"]


def test_settings_go_into_the_widgets_and_come_out_the_same() -> None:
    settings = {
        "temperature": 0.2,
        "top_p": 0.5,
        "max_tokens": 64,
        "top_k": 0,
        "min_p": 0.1,
        "repeat_penalty": 1.1,
        "seed": 7,
        "stop": ["END", "a\nb"],
        "reasoning_effort": "low",
        "json_schema": {"type": "object"},
    }
    widgets = [update["value"] for update in set_settings(settings, "Be brief.")]
    choices = read_choices(json.dumps(["tiny", *widgets]))
    assert choices.problem is None
    assert choices.sampling == Sampling.from_settings(settings)
    assert (choices.model, choices.system) == ("tiny", "Be brief.")


def test_a_value_beyond_its_limits_is_named() -> None:
    values = ["tiny", "", *(5.0 if name == "temperature" else None for name in NAMES[1:])]
    assert "Temperature must be" in str(read_choices(json.dumps(values)).problem)


def test_what_is_no_number_is_named() -> None:
    values = ["tiny", "", *("many" if name == "max_tokens" else None for name in NAMES[1:])]
    assert "Max tokens must be a number." in str(read_choices(json.dumps(values)).problem)


@pytest.mark.parametrize("sent", ["", "nonsense", "[]", "[[]]", '{"model": "tiny"}'])
def test_settings_that_no_page_of_ours_sends_are_refused_in_a_sentence(sent: str) -> None:
    assert "Reload the page" in str(read_choices(sent).problem)
