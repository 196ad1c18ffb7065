"""The form of a key: what passes, what is refused before any table is asked."""

from __future__ import annotations

import re

import pytest

from gateway.key_form import KEY_CHARS, digest, make_key, read_key, read_sdk_token, sdk_token


def test_a_made_key_can_be_read() -> None:
    key = make_key()
    assert read_key(key.text) == key
    assert len(key.text) == KEY_CHARS


def test_two_keys_differ() -> None:
    assert make_key().text != make_key().text


@pytest.mark.parametrize(
    "spoil",
    [
        lambda text: text[:-1],
        lambda text: text + "x",
        lambda text: text.replace("lk-", "sk-", 1),
        lambda text: text[:-1] + ("a" if text[-1] != "a" else "b"),
        lambda text: "lk-' OR 1=1 --" + text[14:],
        lambda text: "\u0660" + text[1:],
        lambda _text: "",
    ],
)
def test_anything_else_is_refused(spoil: object) -> None:
    assert callable(spoil)
    assert read_key(spoil(make_key().text)) is None


def test_the_digest_depends_on_the_pepper() -> None:
    key = make_key()
    assert digest(key, b"one") != digest(key, b"two")
    assert len(digest(key, b"one")) == 32


def test_the_form_of_lm_studios_tokens_follows_from_key_and_pepper() -> None:
    """`sk-lm-`, 8 and 20 letters or digits: what the `lmstudio` SDKs insist on."""
    key = make_key()
    stored = digest(key, b"pepper")
    token = sdk_token(key.public_id, stored, b"pepper")
    assert re.fullmatch(r"sk-lm-[0-9A-Za-z]{8}:[0-9A-Za-z]{20}", token)
    assert token == sdk_token(key.public_id, stored, b"pepper")
    assert token != sdk_token(key.public_id, stored, b"another pepper")
    assert token != sdk_token(key.public_id, digest(make_key(), b"pepper"), b"pepper")
    assert read_sdk_token(token) == key.public_id[:8]


@pytest.mark.parametrize("text", ["", "sk-lm-x", "sk-lm-abcdefgh:0123456789ABCDEFGHI\n"])
def test_another_token_is_none(text: str) -> None:
    assert read_sdk_token(text) is None
