"""A round of the playground against a model server on a real socket: its slots and its end."""

from __future__ import annotations

import asyncio
from contextlib import aclosing

from chat_client import Asked, ChatSettings
from chat_client.line import Line
from gradio_ui.match import Match
from tests.gradio_ui.upstream import MODEL, Upstream, until

TWO = (Asked(MODEL), Asked(MODEL))


async def test_a_round_that_nobody_watches_any_more_closes_every_upstream(
    chat_settings: ChatSettings, model_server: Upstream
) -> None:
    line = Line(4)
    match = Match(chat_settings, line, "endless", TWO)
    async with aclosing(match.follow()) as news:
        async for _ in news:
            if match.round and all(pane.entry.text for pane in match.round.panes):
                break
        assert model_server.open == 2
    await until(lambda: model_server.open == 0)
    assert repr(line) == "<Line 0 of 4 active, 0 waiting>"


async def test_a_page_that_comes_back_in_time_finds_the_round_going_on(
    chat_settings: ChatSettings, model_server: Upstream
) -> None:
    match = Match(chat_settings, Line(4), "endless", TWO, grace_s=3)

    async def watch() -> None:
        async with aclosing(match.follow()) as news:
            async for _ in news:
                if match.round and all(pane.entry.text for pane in match.round.panes):
                    break

    await watch()
    assert model_server.open == 2
    await watch()
    assert not match.over
    await until(lambda: model_server.open == 0)  # Nobody has come back a second time.
    assert match.over


async def test_a_round_stopped_in_line_asks_nobody(
    chat_settings: ChatSettings, model_server: Upstream
) -> None:
    line = Line(1)
    async with line.slot(lambda _: None):
        match = Match(chat_settings, line, "one", TWO)
        await until(lambda: match.place == 1)
        await match.stop()
    assert (match.round, model_server.bodies) == (None, [])
    assert repr(line) == "<Line 0 of 1 active, 0 waiting>"


async def test_a_round_ends_with_every_answer(
    chat_settings: ChatSettings, model_server: Upstream
) -> None:
    line = Line(1)  # fewer slots than answers: the round still is asked, and then all at once
    match = Match(chat_settings, line, "one two", TWO)
    async with asyncio.timeout(60), aclosing(match.follow()) as news:
        async for _ in news:
            pass
    assert match.round is not None
    assert [pane.entry.text.strip() for pane in match.round.panes] == ["You asked: one two"] * 2
    assert len(model_server.bodies) == 2
