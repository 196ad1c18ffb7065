"""The client that all answers share: what it keeps from one question to the next, and what not."""

from __future__ import annotations

import asyncio

import pytest

from chat_client import ChatSettings, Exchange, Message, Sampling, Text, stream_answer
from chat_client.warm_up import warm_up
from tests.chat_client import upstream as wire
from tests.chat_client.upstream import DONE, chunk, spoken, upstream


async def ask(settings: ChatSettings, words: str, record: Exchange | None = None) -> str:
    pieces = stream_answer(settings, "tiny", [Message("user", words)], Sampling(), record)
    return "".join([piece.text async for piece in pieces if isinstance(piece, Text)])


async def test_answers_at_once_are_written_down_apart() -> None:
    with upstream() as server:
        server.script = lambda body: spoken(f"so {body['messages'][0]['content']}", pause_s=0.02)
        settings = ChatSettings(lmstudio_url=server.url)
        records = [Exchange() for _ in range(3)]
        said = await asyncio.gather(*(ask(settings, f"n{i}", r) for i, r in enumerate(records)))
    assert said == ["so n0", "so n1", "so n2"]
    for number, record in enumerate(records):
        assert record.request["messages"][0]["content"] == f"n{number}"
        assert f" n{number}" in record.frames
        assert record.status == 200


async def test_a_cookie_does_not_come_along_with_the_next_question(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(wire, "HEAD", wire.HEAD.replace("\r\n", "\r\nSet-Cookie: who=ana\r\n", 1))
    with upstream() as server:
        settings = ChatSettings(lmstudio_url=server.url)
        for _ in range(2):
            await ask(settings, "Hello")
    assert len(server.headers) == 2
    assert "ana" not in server.headers[1]


async def test_no_connection_is_left_open_for_later() -> None:
    """LM Studio drops idle ones; a question on one that it drops just then would fail."""
    with upstream() as server:
        server.script = lambda _: [chunk("Hi"), chunk(finish="stop"), DONE]
        await ask(ChatSettings(lmstudio_url=server.url), "Hello")
        assert "\r\nconnection: close\r\n" in server.headers[0].lower()


async def test_warming_up_sends_nothing() -> None:
    with upstream() as server:
        settings = ChatSettings(lmstudio_url=server.url)
        await warm_up(settings)
        assert server.headers == []
        assert await ask(settings, "Hello") == "A token is a piece of text."
        assert len(server.headers) == 1
