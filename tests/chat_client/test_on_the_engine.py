"""The shared client on the real engine: the same calls that both web UIs make."""

from __future__ import annotations

from pydantic import SecretStr

from chat_client import ChatSettings, Finished, Message, Sampling, Text, list_models, probe
from chat_client.answer import stream_answer
from tests.running import Service


async def test_the_engine_is_recognised_and_lists_its_models(engine: Service) -> None:
    state = await probe(ChatSettings(lmstudio_url=engine.url))
    assert state.ready
    assert state.server == "Lectern's engine"
    models = {model.id: model for model in await list_models(ChatSettings(lmstudio_url=engine.url))}
    assert models["lectern-101@q4_0"].quantization == "Q4_0"
    assert models["lectern-101@q8_0"].loaded
    assert models["lectern-101@q8_0"].context_length == 1024


async def test_the_gateway_is_recognised(gateway: Service, gateway_key: str) -> None:
    state = await probe(ChatSettings(llm_url=gateway.url, llm_api_key=SecretStr(gateway_key)))
    assert state.ready
    assert state.server == "Lectern's gateway"


async def test_an_answer_streams_and_is_counted(engine: Service) -> None:
    settings = ChatSettings(lmstudio_url=engine.url)
    question = [Message("user", "What is a token?")]
    pieces = [
        piece
        async for piece in stream_answer(settings, "lectern-101@q8_0", question, Sampling(0.0))
    ]
    last = pieces[-1]
    assert isinstance(last, Finished)
    assert "token" in "".join(piece.text for piece in pieces if isinstance(piece, Text))
    assert last.stats.completion_tokens is not None
    assert last.stats.completion_tokens >= len(pieces) - 1
    assert last.stats.finish_reason == "stop"
    assert last.stats.model == "lectern-101@q8_0"


async def test_the_limit_on_tokens_holds(engine: Service) -> None:
    settings = ChatSettings(lmstudio_url=engine.url)
    question = [Message("user", "Tell me a story about a fox.")]
    sampling = Sampling(temperature=0.0, max_tokens=5)
    pieces = [p async for p in stream_answer(settings, "lectern-101@q8_0", question, sampling)]
    last = pieces[-1]
    assert isinstance(last, Finished)
    assert (last.stats.completion_tokens, last.stats.finish_reason) == (5, "length")
