"""The real `openai` SDK against the gateway and the engine: what a teammate's program does."""

from __future__ import annotations

from typing import Any, cast

import openai
import pytest
from openai.types.chat import ChatCompletionMessageParam

from tests.engine.asking import TO_THE_LIMIT, slots
from tests.peers.conftest import Door
from tests.running import Service, wait_until

MODEL = "lectern-101@q8_0"
QUESTION = "What is a token?"
MESSAGES: list[ChatCompletionMessageParam] = [{"role": "user", "content": QUESTION}]
TOO_LONG: list[ChatCompletionMessageParam] = [{"role": "user", "content": "word " * 3000}]


def test_models_are_listed(door: Door) -> None:
    names = {model.id for model in door.openai.models.list()}
    assert names >= {"lectern-101", "lectern-101@f16", MODEL, "lectern-101@q4_0"}


def test_one_model_is_told_of(gateway_door: Door) -> None:
    assert gateway_door.openai.models.retrieve(MODEL).id == MODEL
    with pytest.raises(openai.NotFoundError, match=MODEL):
        gateway_door.openai.models.retrieve("nobody/knows@it")


def test_chat(door: Door) -> None:
    reply = door.openai.chat.completions.create(model=MODEL, messages=MESSAGES, temperature=0)
    (choice,) = reply.choices
    assert "token" in (choice.message.content or "")
    assert choice.finish_reason == "stop"
    assert not choice.message.tool_calls
    assert reply.model == MODEL
    assert reply.usage
    assert reply.usage.completion_tokens > 1


def test_chat_streamed_with_usage(door: Door) -> None:
    whole = door.openai.chat.completions.create(model=MODEL, messages=MESSAGES, temperature=0)
    with door.openai.chat.completions.create(
        model=MODEL,
        messages=MESSAGES,
        temperature=0,
        stream=True,
        stream_options={"include_usage": True},
    ) as stream:
        chunks = list(stream)
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert text == whole.choices[0].message.content
    assert len(chunks) > 10
    assert [chunk.usage is None for chunk in chunks] == [True] * (len(chunks) - 1) + [False]
    assert whole.usage
    assert chunks[-1].usage
    assert chunks[-1].usage.completion_tokens == whole.usage.completion_tokens


def test_leaving_a_stream_frees_the_slot(door: Door, engine: Service) -> None:
    before = slots(engine, MODEL)
    with door.openai.chat.completions.create(
        model=MODEL, messages=MESSAGES, stream=True, extra_body=TO_THE_LIMIT
    ) as stream:
        next(iter(stream))
        assert slots(engine, MODEL)["active"] == before["active"] + 1
    wait_until(lambda: slots(engine, MODEL)["active"] == before["active"], "the slot to be free")
    assert slots(engine, MODEL)["cancelled"] == before["cancelled"] + 1


def test_completion(door: Door) -> None:
    reply = door.openai.completions.create(
        model=MODEL, prompt="A token is", max_tokens=4, extra_body=TO_THE_LIMIT
    )
    assert reply.choices[0].text
    assert reply.usage
    assert reply.usage.completion_tokens == 4


def test_completion_streamed(door: Door) -> None:
    with door.openai.completions.create(
        model=MODEL, prompt="A token is", max_tokens=4, stream=True, extra_body=TO_THE_LIMIT
    ) as stream:
        chunks = list(stream)
    assert "".join(chunk.choices[0].text for chunk in chunks)
    assert chunks[-1].usage


def test_embeddings(door: Door) -> None:
    """The SDK asks for base64 by itself and decodes it."""
    reply = door.openai.embeddings.create(model=MODEL, input=["one", "two"])
    one, two = (item.embedding for item in reply.data)
    assert len(one) == len(two) > 3
    assert sum(x * x for x in one) == pytest.approx(1, rel=1e-3)
    assert one != two
    assert reply.usage.total_tokens == 0


def test_response(door: Door) -> None:
    first = door.openai.responses.create(model=MODEL, input=QUESTION, temperature=0)
    assert first.status == "completed"
    assert "token" in first.output_text
    assert first.usage
    assert first.usage.output_tokens > 1
    second = door.openai.responses.create(
        model=MODEL, input="Thanks!", previous_response_id=first.id, max_output_tokens=3
    )
    assert second.previous_response_id == first.id


def test_response_streamed(door: Door) -> None:
    with door.openai.responses.stream(model=MODEL, input=QUESTION, temperature=0) as stream:
        deltas = [event.delta for event in stream if event.type == "response.output_text.delta"]
        final = stream.get_final_response()
    assert len(deltas) > 5
    assert final.output_text == "".join(deltas)
    assert final.usage


def test_wrong_key(outsider: Door) -> None:
    with pytest.raises(openai.AuthenticationError):
        outsider.openai.chat.completions.create(model=MODEL, messages=MESSAGES)
    with pytest.raises(openai.AuthenticationError):
        outsider.openai.models.list()


def test_bad_body(door: Door) -> None:
    with pytest.raises(openai.BadRequestError):
        door.openai.chat.completions.create(model=MODEL, messages=cast(Any, "no list"))
    with pytest.raises(openai.BadRequestError) as refused:
        door.openai.chat.completions.create(
            model=MODEL, messages=MESSAGES, response_format={"type": "json_object"}
        )
    assert "json_schema" in refused.value.response.text


def test_context_overflow(door: Door) -> None:
    with pytest.raises(openai.BadRequestError) as refused:
        door.openai.chat.completions.create(model=MODEL, messages=TOO_LONG)
    # LM Studio and the engine answer a bare string, which the SDK leaves out of its message.
    assert "context" in refused.value.response.text


def test_context_overflow_streamed(door: Door) -> None:
    with (
        pytest.raises(openai.APIError, match="context"),
        door.openai.chat.completions.create(model=MODEL, messages=TOO_LONG, stream=True) as stream,
    ):
        list(stream)


async def test_asynchronous_stream_cut_short(door: Door, engine: Service) -> None:
    before = slots(engine, MODEL)["active"]
    async with openai.DefaultAsyncHttpxClient(trust_env=False) as http:
        client = openai.AsyncOpenAI(base_url=f"{door.url}/v1", api_key=door.key, http_client=http)
        async with await client.chat.completions.create(
            model=MODEL, messages=MESSAGES, stream=True
        ) as stream:
            async for chunk in stream:
                assert chunk.choices[0].delta.role == "assistant"
                break
    wait_until(lambda: slots(engine, MODEL)["active"] == before, "the slot to be free")
