"""A turn against a real socket: every way it can end closes the upstream."""

from __future__ import annotations

import asyncio
from contextlib import aclosing

import pytest

from chat_client import ChatSettings, Sampling
from chat_client.line import Line
from gradio_ui.chat import Chat
from gradio_ui.turn import Turn
from tests.gradio_ui.upstream import MODEL, Upstream, until


def turn(settings: ChatSettings, question: str, line: Line | None = None) -> Turn:
    chat = Chat()
    exchange = chat.begin(chat.dialogue.ask(question, MODEL))
    return Turn(settings, line or Line(4), exchange, Sampling())


async def follow(running: Turn) -> list[str]:
    return [running.exchange.answer.text async for _ in running.follow()]


async def test_the_first_picture_comes_before_any_token_and_the_last_has_it_all(
    chat_settings: ChatSettings,
) -> None:
    pictures = await follow(turn(chat_settings, "one two three"))
    assert pictures[0] == ""
    assert pictures[-1].strip() == "You asked: one two three"


async def test_reasoning_is_kept_apart(chat_settings: ChatSettings) -> None:
    running = turn(chat_settings, "think first")
    await follow(running)
    assert running.exchange.answer.reasoning == "First I wonder."
    assert running.exchange.answer.text.startswith("You asked")
    assert running.exchange.answer.stats is not None
    assert running.exchange.answer.stats.completion_tokens == 5


async def test_stop_before_the_first_token_closes_the_upstream(
    chat_settings: ChatSettings, model_server: Upstream
) -> None:
    running = turn(chat_settings, "hold it")
    await until(lambda: model_server.open == 1)
    await running.stop()
    await until(lambda: model_server.open == 0)
    assert running.exchange.phase == "stopped"


async def test_stop_in_mid_answer_keeps_what_came(
    chat_settings: ChatSettings, model_server: Upstream
) -> None:
    running = turn(chat_settings, "endless please")
    await until(lambda: "word3" in running.exchange.answer.text)
    await running.stop()
    await until(lambda: model_server.open == 0)
    assert running.exchange.phase == "stopped"
    assert running.exchange.answer.text.startswith("word1 word2 word3")
    stats = running.exchange.answer.stats
    assert stats is not None
    assert stats.model == MODEL
    assert stats.time_to_first_token_s
    assert stats.counted_tokens == running.exchange.answer.text.count("word")


async def test_a_turn_stopped_at_once_has_ended(chat_settings: ChatSettings) -> None:
    running = turn(chat_settings, "hold it")
    await running.stop()
    await running.stop()
    assert running.exchange.phase == "stopped"


async def test_a_watcher_that_goes_away_closes_the_upstream(
    chat_settings: ChatSettings, model_server: Upstream
) -> None:
    running = turn(chat_settings, "endless please")
    async with aclosing(running.follow()) as pictures:
        async for _ in pictures:
            if running.exchange.answer.text:
                break
    await until(lambda: model_server.open == 0)
    assert running.exchange.phase == "stopped"


@pytest.mark.parametrize("later", range(6))
async def test_a_watcher_that_goes_away_with_the_news_is_gone(
    chat_settings: ChatSettings, model_server: Upstream, later: int
) -> None:
    """Python 3.11's `asyncio.wait_for` would forget that it was cancelled, for some `later`."""
    running = turn(chat_settings, "hold it")
    watcher = asyncio.create_task(follow(running))
    await until(lambda: model_server.open == 1)
    running.tell()
    for _ in range(later):
        await asyncio.sleep(0)
    watcher.cancel()
    await until(watcher.done)
    assert watcher.cancelled()
    await until(lambda: model_server.open == 0)


async def test_within_the_grace_somebody_who_comes_back_finds_it_going_on(
    chat_settings: ChatSettings, model_server: Upstream
) -> None:
    running = turn(chat_settings, "endless please")
    running.grace_s = 600
    async with aclosing(running.follow()) as pictures:
        await anext(pictures)
    assert running.exchange.phase != "stopped"
    async with aclosing(running.follow()) as pictures:
        async for _ in pictures:
            if "word9" in running.exchange.answer.text:
                break
        await running.stop()
    await until(lambda: model_server.open == 0)


async def test_after_the_grace_nobody_needs_it(
    chat_settings: ChatSettings, model_server: Upstream
) -> None:
    running = turn(chat_settings, "endless please")
    running.grace_s = 0.1
    async with aclosing(running.follow()) as pictures:
        await anext(pictures)
    await until(lambda: running.exchange.ended)
    await until(lambda: model_server.open == 0)


async def test_a_connection_cut_in_mid_answer_says_so_below_what_came(
    chat_settings: ChatSettings,
) -> None:
    running = turn(chat_settings, "break off")
    await follow(running)
    assert running.exchange.answer.text == "It was going "
    assert running.exchange.phase == "failed"
    assert running.exchange.answer.error is not None
    assert running.exchange.answer.error.advice


async def test_one_too_many_waits_in_line_and_may_leave_it(
    chat_settings: ChatSettings, model_server: Upstream
) -> None:
    line = Line(1)
    inside = turn(chat_settings, "endless please", line)
    await until(lambda: model_server.open == 1)
    second, third = (turn(chat_settings, "waits", line) for _ in range(2))
    await until(lambda: third.exchange.place == 2)
    await second.stop()
    await until(lambda: third.exchange.place == 1)
    assert len(model_server.bodies) == 1
    await inside.stop()
    await follow(third)
    assert third.exchange.phase == "done"
    assert line.active == 0
