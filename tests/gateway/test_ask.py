"""What is read from a body, and the two changes that the gateway makes to it."""

from __future__ import annotations

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.ask import read_ask, with_model
from gateway.errors import BadRequest
from gateway.routes import RELAYED, RelayedRoute

ROUTES = {route.path: route for route in RELAYED}
CHAT = ROUTES["/v1/chat/completions"]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=10,
)


@given(st.dictionaries(st.text(max_size=5), JSON, max_size=4))
def test_what_is_not_streamed_is_not_touched(document: dict[str, object]) -> None:
    body = orjson.dumps({**document, "model": "m", "stream": False})
    assert read_ask(body, CHAT).body == body


@given(st.dictionaries(st.text(max_size=5), JSON, max_size=4))
def test_asking_for_usage_changes_nothing_else(document: dict[str, object]) -> None:
    document = {**document, "stream": True}
    for name in ("stream_options", "model"):
        document.pop(name, None)
    ask = read_ask(b" \n" + orjson.dumps(document), CHAT)
    assert orjson.loads(ask.body) == {**document, "stream_options": {"include_usage": True}}
    assert ask.drop_usage


def test_who_asked_for_usage_gets_it() -> None:
    body = b'{"stream": true, "stream_options": {"include_usage": true}}'
    ask = read_ask(body, CHAT)
    assert ask.body == body
    assert not ask.drop_usage


@pytest.mark.parametrize("options", [None, {}, {"include_usage": False, "other": 1}])
def test_other_stream_options_stay(options: dict[str, object] | None) -> None:
    body = orjson.dumps({"stream": True, "stream_options": options})
    ask = read_ask(body, CHAT)
    assert orjson.loads(ask.body)["stream_options"] == {**(options or {}), "include_usage": True}
    assert ask.drop_usage


@pytest.mark.parametrize("path", ["/v1/responses", "/v1/messages", "/api/v1/chat"])
def test_protocols_that_state_usage_themselves_are_left_alone(path: str) -> None:
    body = b'{"stream": true}'
    assert read_ask(body, ROUTES[path]).body == body


def test_an_alias_changes_the_model_only() -> None:
    ask = read_ask(b'{"model": "gpt-4o-mini", "messages": [1.5, "\xc3\xa4"]}', CHAT)
    real = with_model(ask, "lectern-101")
    assert orjson.loads(real.body) == {"model": "lectern-101", "messages": [1.5, "ä"]}
    assert real.model == "lectern-101"


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b'{"model": 3}', "'model'"),
        (b'{"stream": "yes"}', "'stream'"),
        (b'{"stream": true, "stream_options": []}', "'stream_options'"),
        (b"{", "not JSON"),
        (b"[]", "JSON object"),
    ],
)
def test_a_wrong_field_is_named(body: bytes, words: str) -> None:
    with pytest.raises(BadRequest, match=words):
        read_ask(body, CHAT)


@pytest.mark.parametrize(
    ("fields", "tokens"),
    [
        ({}, 256),
        ({"max_tokens": 10}, 10),
        ({"max_tokens": -1}, 256),
        ({"max_completion_tokens": 7, "max_tokens": 10}, 7),
        ({"max_output_tokens": 5}, 5),
        ({"max_tokens": True}, 256),
    ],
)
def test_the_estimate_follows_the_callers_limit(fields: dict[str, object], tokens: int) -> None:
    body = orjson.dumps({**fields, "messages": ["x" * 400]})
    ask = read_ask(body, CHAT)
    assert ask.completion_tokens == tokens
    assert 100 <= ask.prompt_tokens <= 130


def test_a_listing_costs_nothing() -> None:
    route: RelayedRoute = ROUTES["/v1/models"]
    assert read_ask(b"", route).body == b""
