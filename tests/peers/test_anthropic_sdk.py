"""The real `anthropic` SDK on /v1/messages, its base URL the server's root."""

from __future__ import annotations

import anthropic
import pytest
from anthropic.types import MessageParam

from tests.engine.asking import TO_THE_LIMIT
from tests.peers.conftest import Door

MODEL = "lectern-101@q8_0"
MESSAGES: list[MessageParam] = [{"role": "user", "content": "What is a token?"}]


def test_message(door: Door) -> None:
    reply = door.anthropic.messages.create(
        model=MODEL, messages=MESSAGES, max_tokens=100, extra_body={"temperature": 0}
    )
    (block,) = reply.content
    assert block.type == "text"
    assert "token" in block.text
    assert reply.stop_reason == "end_turn"
    assert reply.model == MODEL
    assert reply.usage.output_tokens > 1


def test_message_streamed(door: Door) -> None:
    with door.anthropic.messages.stream(
        model=MODEL, messages=MESSAGES, max_tokens=100, extra_body={"temperature": 0}
    ) as stream:
        pieces = list(stream.text_stream)
        final = stream.get_final_message()
    assert len(pieces) > 5
    (block,) = final.content
    assert block.type == "text"
    assert block.text == "".join(pieces)
    assert final.stop_reason == "end_turn"


def test_cut_by_max_tokens(door: Door) -> None:
    reply = door.anthropic.messages.create(
        model=MODEL, messages=MESSAGES, max_tokens=3, extra_body=TO_THE_LIMIT
    )
    assert reply.stop_reason == "max_tokens"
    assert reply.usage.output_tokens == 3


def test_wrong_key(outsider: Door) -> None:
    with pytest.raises(anthropic.AuthenticationError):
        outsider.anthropic.messages.create(model=MODEL, messages=MESSAGES, max_tokens=3)


def test_empty_conversation(door: Door) -> None:
    with pytest.raises(anthropic.BadRequestError):
        door.anthropic.messages.create(model=MODEL, messages=[], max_tokens=3)


def test_tokens_cannot_be_counted_here(gateway_door: Door) -> None:
    """Neither LM Studio nor the engine does; the answer says what does."""
    with pytest.raises(anthropic.APIStatusError, match="max_tokens 1") as refused:
        gateway_door.anthropic.messages.count_tokens(model=MODEL, messages=MESSAGES)
    assert refused.value.status_code == 501
    told = gateway_door.anthropic.messages.create(model=MODEL, messages=MESSAGES, max_tokens=1)
    assert told.usage.input_tokens + (told.usage.cache_read_input_tokens or 0) > 5
