"""Settings: defaults that need no file, and sentences that refuse what cannot work."""

from __future__ import annotations

import pytest

from gateway.settings import SettingsError, load_settings


@pytest.fixture(autouse=True)
def empty_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    names = ("LMSTUDIO_URL", "LMSTUDIO_API_TOKEN", "GATEWAY_PORT", "GATEWAY_DATA_DIR")
    for name in (*names, "GATEWAY_KEY_PEPPER", "DATABASE_URL", "LIMITS_URL"):
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
        ("GATEWAY_ANSWER_TIMEOUT_S", "0", "greater than 0"),
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


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("LIMITS_URL", "memcached://:canary@127.0.0.1:11211", "valkey"),
        ("LIMITS_URL", "valkey:/canary", "valkey://"),
        ("LIMITS_URL", "valkey://:canary@:6379", "valkey://"),
        ("LIMITS_URL", "redis://:canary@127.0.0.1:port", "valkey://"),
        ("LIMITS_URL", "redis://:canary@127.0.0.1/limits", "number of a database"),
        ("DATABASE_URL", "canary", "must be a URL"),
        ("DATABASE_URL", "mysql://me:canary@127.0.0.1/lectern", "postgresql+psycopg://"),
        ("DATABASE_URL", "postgresql+asyncpg://me:canary@127.0.0.1/lectern", "psycopg"),
        ("DATABASE_URL", "sqlite://", "must be a file"),
    ],
)
def test_a_url_that_may_hold_a_password_is_refused_without_showing_it(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, reason: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError) as refused:
        load_settings()
    assert name in str(refused.value)
    assert "canary" not in str(refused.value)
    assert reason in str(refused.value)


@pytest.mark.parametrize(
    "url",
    [
        "memory://",
        "valkey://127.0.0.1:6379",
        "redis://me:canary@[::1]:6379/3",
        "rediss://127.0.0.1/?ssl_ca_certs=/ca.pem",
        "valkeys://limits:6379/0",
    ],
)
def test_stores_of_limits(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("LIMITS_URL", url)
    assert load_settings().limits_url.get_secret_value() == url
    assert "canary" not in repr(load_settings())


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg"])
def test_postgresql_is_reached_through_the_driver_that_is_shipped(
    monkeypatch: pytest.MonkeyPatch, scheme: str
) -> None:
    monkeypatch.setenv("DATABASE_URL", f"{scheme}://me:canary@db/lectern")
    assert load_settings().sqlalchemy_url == "postgresql+psycopg://me:canary@db/lectern"
    assert "canary" not in repr(load_settings())


@pytest.mark.parametrize("url", ["http://me:canary@127.0.0.1:1234", "http://canary@127.0.0.1"])
@pytest.mark.parametrize(("name", "form"), [("LMSTUDIO_URL", "{}"), ("UPSTREAMS", "desk={}")])
def test_a_password_in_a_url_is_refused_without_showing_it(
    monkeypatch: pytest.MonkeyPatch, name: str, form: str, url: str
) -> None:
    monkeypatch.setenv(name, form.format(url))
    with pytest.raises(SettingsError) as refused:
        load_settings()
    assert name in str(refused.value)
    assert "127.0.0.1" in str(refused.value)
    assert "LMSTUDIO_API_TOKEN" in str(refused.value)
    assert "canary" not in str(refused.value)


@pytest.mark.parametrize(
    ("name", "form"), [("LMSTUDIO_API_TOKEN", "{}"), ("UPSTREAM_TOKENS", "desk=sk-1,gpu={}")]
)
def test_a_secret_serves_one_purpose(monkeypatch: pytest.MonkeyPatch, name: str, form: str) -> None:
    """CVE-2026-114612: one secret was used twice, and the weaker use gave the stronger away."""
    secret = "c7f1a04be9d25386c7f1a04b8e9d2538"
    monkeypatch.setenv("UPSTREAMS", "desk=http://10.0.0.5:1234,gpu=http://10.0.0.6:8000")
    monkeypatch.setenv("GATEWAY_KEY_PEPPER", secret)
    assert load_settings().gateway_key_pepper.get_secret_value() == secret
    monkeypatch.setenv(name, form.format(secret))
    with pytest.raises(SettingsError, match=rf"PEPPER cannot be .hidden.: .* in {name}"):
        load_settings()


@pytest.mark.parametrize(
    "value",
    [
        "changeme",
        "x" * 64,
        "abcdefgh" * 4,
        "please-change-me-to-something-random-0123456789",
        "REPLACE_THIS_WITH_OPENSSL_RAND_HEX_32",
    ],
)
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
