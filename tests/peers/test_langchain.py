"""LangChain's `ChatOpenAI` and `OpenAIEmbeddings` through the gateway and the engine."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import openai
import pytest
from langchain_core.exceptions import ContextOverflowError
from langchain_openai import ChatOpenAI, OpenAIEmbeddings
from pydantic import SecretStr

from tests.engine.asking import slots
from tests.peers.conftest import Door
from tests.running import Service, wait_until

MODEL = "lectern-101@q8_0"
QUESTION = "What is a token?"


@pytest.fixture(autouse=True)
def at_home(monkeypatch: pytest.MonkeyPatch) -> None:
    """Traces go nowhere, whatever this shell says."""
    for name in ("LANGSMITH_TRACING", "LANGSMITH_TRACING_V2", "LANGCHAIN_TRACING_V2"):
        monkeypatch.setenv(name, "false")
    monkeypatch.delenv("LANGSMITH_API_KEY", raising=False)


@pytest.fixture
def http() -> Iterator[openai.DefaultHttpxClient]:
    with openai.DefaultHttpxClient(trust_env=False) as client:
        yield client


def chat(door: Door, http: openai.DefaultHttpxClient, **options: Any) -> ChatOpenAI:
    given = {"model": MODEL, "temperature": 0, "max_retries": 0, **options}
    return ChatOpenAI(
        base_url=f"{door.url}/v1", api_key=SecretStr(door.key), http_client=http, **given
    )


def test_invoke(door: Door, http: openai.DefaultHttpxClient) -> None:
    message = chat(door, http).invoke(QUESTION)
    assert "token" in message.text
    assert message.response_metadata["finish_reason"] == "stop"
    assert message.usage_metadata is not None
    assert message.usage_metadata["output_tokens"] > 1


def test_stream(door: Door, http: openai.DefaultHttpxClient) -> None:
    model = chat(door, http, stream_usage=True)
    whole = model.invoke(QUESTION)
    pieces = list(model.stream(QUESTION))
    assert len(pieces) > 5
    assert "".join(piece.text for piece in pieces) == whole.text
    used = [piece.usage_metadata for piece in pieces if piece.usage_metadata]
    assert sum(usage["output_tokens"] for usage in used) > 1


async def test_an_asynchronous_stream_that_is_left(
    door: Door, http: openai.DefaultHttpxClient, engine: Service
) -> None:
    before = slots(engine, MODEL)["active"]
    async with openai.DefaultAsyncHttpxClient(trust_env=False) as client:
        model = chat(door, http, http_async_client=client)
        stream = model.astream(QUESTION)
        async for _ in stream:
            break
        await stream.aclose()  # type: ignore[attr-defined]  # it is a generator
    wait_until(lambda: slots(engine, MODEL)["active"] == before, "the slot to be free")


def test_a_chain_of_messages(door: Door, http: openai.DefaultHttpxClient) -> None:
    talk = [("system", "Be brief."), ("human", "Hi"), ("ai", "Hello"), ("human", QUESTION)]
    assert chat(door, http, max_tokens=5).invoke(talk).response_metadata["finish_reason"]


def test_embeddings(door: Door, http: openai.DefaultHttpxClient) -> None:
    """Without the check of lengths, for which it would fetch OpenAI's tokenizer."""
    embeddings = OpenAIEmbeddings(
        model=MODEL,
        openai_api_base=f"{door.url}/v1",
        openai_api_key=SecretStr(door.key),
        http_client=http,
        check_embedding_ctx_length=False,
    )
    one, two = embeddings.embed_documents(["one", "two"])
    assert len(one) == len(two) > 3
    assert one != two
    assert embeddings.embed_query("one") == pytest.approx(one, abs=1e-3)


def test_a_wrong_key(outsider: Door, http: openai.DefaultHttpxClient) -> None:
    with pytest.raises(openai.AuthenticationError):
        chat(outsider, http).invoke(QUESTION)
    with pytest.raises(openai.AuthenticationError):
        list(chat(outsider, http).stream(QUESTION))


def test_a_conversation_that_is_too_long(
    gateway_door: Door, http: openai.DefaultHttpxClient
) -> None:
    """LangChain has an exception of its own for it, which it takes from the error's code."""
    too_long = "word " * 3000
    with pytest.raises(ContextOverflowError):
        chat(gateway_door, http).invoke(too_long)
    with pytest.raises(ContextOverflowError):
        list(chat(gateway_door, http).stream(too_long))


def test_a_model_that_does_not_exist(gateway_door: Door, http: openai.DefaultHttpxClient) -> None:
    with pytest.raises(openai.NotFoundError, match=MODEL):
        chat(gateway_door, http, model="nobody").invoke(QUESTION)
