"""Settings: defaults that need no file, and sentences that refuse what cannot work."""

from __future__ import annotations

import pytest

from gateway.settings import SettingsError, load_settings


@pytest.fixture(autouse=True)
def empty_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("LMSTUDIO_URL", "GATEWAY_PORT", "GATEWAY_DATA_DIR", "GATEWAY_KEY_PEPPER"):
        monkeypatch.delenv(name, raising=False)


def test_nothing_needs_to_be_set() -> None:
    settings = load_settings()
    assert settings.lmstudio_url == "http://host.docker.internal:1234"
    assert settings.bind_addr == "127.0.0.1"
    assert settings.sqlalchemy_url.startswith("sqlite:////")


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("GATEWAY_PORT", "eighty", "integer"),
        ("GATEWAY_PORT", "70000", "65535"),
        ("LMSTUDIO_URL", "localhost:1234", "must be a URL"),
        ("LMSTUDIO_URL", "http://127.0.0.1:1234/api", "without a path"),
        ("LMSTUDIO_URL", "http://me:secret@127.0.0.1:1234", "LMSTUDIO_API_TOKEN"),
        ("GATEWAY_ANSWER_TIMEOUT_S", "0", "greater than 0"),
        ("LIMITS_URL", "valkey://127.0.0.1:6379", "memory://"),
    ],
)
def test_a_bad_value_is_refused_by_name(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, reason: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError) as refused:
        load_settings()
    assert name in str(refused.value)
    assert repr(value) in str(refused.value)
    assert reason in str(refused.value)


@pytest.mark.parametrize("value", ["changeme", "x" * 64])
def test_a_placeholder_pepper_is_refused_without_showing_it(
    monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    monkeypatch.setenv("GATEWAY_KEY_PEPPER", value)
    with pytest.raises(SettingsError) as refused:
        load_settings()
    assert "GATEWAY_KEY_PEPPER" in str(refused.value)
    assert value not in str(refused.value)


@pytest.mark.parametrize("ending", ["", "/", "/v1", "/v1/"])
def test_what_people_add_to_the_root_is_forgiven(
    monkeypatch: pytest.MonkeyPatch, ending: str
) -> None:
    monkeypatch.setenv("LMSTUDIO_URL", "http://127.0.0.1:1234" + ending)
    assert load_settings().lmstudio_url == "http://127.0.0.1:1234"


def test_an_empty_variable_counts_as_unset(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GATEWAY_PORT", "")
    assert load_settings().gateway_port == 8000
