"""Whatever JSON a caller sends, a request is either translated or refused in words."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.chat import Chat
from engine.completions import Completions
from engine.dialect import Dialect
from engine.embeddings import Embeddings
from engine.errors import Refusal
from engine.history import History
from engine.messages import Messages
from engine.native_chat import NativeChat
from engine.responses import Responses

ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=8,
)
TYPES = st.sampled_from(["text", "input_text", "image_url", "image", "function", "message"])
PART = st.fixed_dictionaries({"type": TYPES | ANYTHING}, optional={"text": ANYTHING})
ITEM = st.fixed_dictionaries(
    {"role": st.sampled_from(["user", "assistant", "system"]) | ANYTHING},
    optional={"content": st.text() | st.lists(PART | ANYTHING, max_size=2) | ANYTHING},
)
CONVERSATION = st.lists(ITEM | ANYTHING, max_size=3) | ANYTHING
FIELDS = (
    *("model", "stream", "stream_options", "prompt", "max_tokens", "response_format", "tools"),
    *("tool_choice", "reasoning_effort", "reasoning", "text", "include", "instructions", "system"),
    *("integrations", "system_prompt", "previous_response_id", "store", "encoding_format"),
)
BODY = st.fixed_dictionaries(
    {},
    optional={
        "messages": CONVERSATION,
        "input": st.text() | CONVERSATION,
        **dict.fromkeys(FIELDS, ANYTHING),
    },
)


def made(name: str, body: dict[str, Any]) -> Dialect:
    history = History()
    makers: dict[str, Dialect] = {
        "chat": Chat(body),
        "completions": Completions(body),
        "embeddings": Embeddings(body),
        "messages": Messages(body),
        "responses": Responses(body, history),
        "native chat": NativeChat(body, history),
    }
    return makers[name]


@pytest.mark.parametrize(
    "name", ["chat", "completions", "embeddings", "messages", "responses", "native chat"]
)
@settings(max_examples=150, deadline=None)
@given(body=BODY)
def test_translated_or_refused(name: str, body: dict[str, Any]) -> None:
    refusal: Refusal | None = None
    request: dict[str, Any] = {}
    try:
        request = made(name, body).request()
    except Refusal as error:
        refusal = error
    assert refusal is None or (refusal.message and 400 <= refusal.status < 500)
    assert orjson.dumps(request)
    assert "model" not in request
