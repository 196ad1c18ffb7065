"""The shared variables: defaults, corrections, and one sentence for a bad value."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from chat_client import ChatSettings, settings_problem


def test_chats_go_to_lm_studio_unless_told_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LMSTUDIO_URL", "http://desk:1234")
    monkeypatch.setenv("LLM_URL", "")  # As Compose passes a variable that is not set.
    assert ChatSettings().base_url == "http://desk:1234/v1"
    monkeypatch.setenv("LLM_URL", "http://gateway:8000")
    assert ChatSettings().base_url == "http://gateway:8000/v1"


@pytest.mark.parametrize(
    "value", ["http://desk:1234/", "http://desk:1234/v1", "http://desk:1234/v1/"]
)
def test_the_usual_slips_in_an_address_are_mended(value: str) -> None:
    assert ChatSettings(lmstudio_url=value).root_url == "http://desk:1234"


def test_a_bad_address_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LMSTUDIO_URL", "desk:1234")
    with pytest.raises(ValidationError) as caught:
        ChatSettings()
    assert settings_problem(caught.value) == (
        "LMSTUDIO_URL = 'desk:1234': must be an address such as http://127.0.0.1:1234"
    )


def test_a_password_in_an_address_is_refused_and_not_repeated(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("LMSTUDIO_URL", "http://ana:hush@desk:1234")
    with pytest.raises(ValidationError) as caught:
        ChatSettings()
    assert settings_problem(caught.value).startswith("LMSTUDIO_URL = (hidden): must not hold")


def test_a_port_that_cannot_be_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LLM_URL", "http://desk:123456")
    with pytest.raises(ValidationError) as caught:
        ChatSettings()
    assert settings_problem(caught.value).startswith("LLM_URL = 'http://desk:123456': Port out of")


def test_keys_do_not_show(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LMSTUDIO_API_TOKEN", "sk-lm-secret")
    assert "sk-lm-secret" not in repr(ChatSettings())
