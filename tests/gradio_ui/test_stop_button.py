"""The route behind Stop: it ends what its own page asked for, and nothing of anybody else's."""

from __future__ import annotations

from collections.abc import AsyncIterator

import gradio as gr
import httpx
import pytest
from fastapi import FastAPI

from chat_client import Asked, ChatSettings, Sampling
from chat_client.line import Line
from gradio_ui.app import make_app
from gradio_ui.chat import Chat
from gradio_ui.match import Match
from gradio_ui.session import Session
from gradio_ui.settings import GradioSettings
from gradio_ui.stop_button import find_session
from gradio_ui.turn import Turn
from tests.gradio_ui.upstream import MODEL, Upstream, until


@pytest.fixture
async def app(chat_settings: ChatSettings) -> AsyncIterator[FastAPI]:
    app = make_app(GradioSettings(), chat_settings)
    async with app.router.lifespan_context(app):
        yield app


@pytest.fixture
async def client(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://lectern") as client:
        yield client


def page(app: FastAPI, session_hash: str) -> Session:
    """What Gradio keeps for a page of this name, made as its first event makes it."""
    held = app.state.gradio.state_holder[session_hash]
    for id_, block in held.blocks_config.blocks.items():
        if isinstance(block, gr.State):
            held[id_]
    session = find_session(app.state.gradio, session_hash)
    assert session is not None
    return session


def asks(session: Session, settings: ChatSettings) -> Turn:
    chat = Chat()
    exchange = chat.begin(chat.dialogue.ask("endless", MODEL))
    session.turn = Turn(settings, Line(4), exchange, Sampling())
    return session.turn


async def test_nobody_else_stops_an_answer(
    app: FastAPI,
    client: httpx.AsyncClient,
    chat_settings: ChatSettings,
    model_server: Upstream,
) -> None:
    mine, other = page(app, "mine"), page(app, "other")
    answer, neighbour = asks(mine, chat_settings), asks(other, chat_settings)
    await until(lambda: model_server.open == 2)
    foreign = {"origin": "https://evil.example"}
    assert (await client.post("/stop/question/mine", headers=foreign)).status_code == 403
    assert (await client.post("/stop/question/min")).status_code == 404
    assert (await client.post("/stop/prompt/mine")).status_code == 204  # it plays no round
    assert find_session(app.state.gradio, "min") is None
    assert not answer.exchange.ended
    assert (await client.post("/stop/question/mine")).status_code == 204
    await until(lambda: model_server.open == 1)
    assert (answer.exchange.phase, neighbour.exchange.ended) == ("stopped", False)
    await neighbour.stop()


async def test_one_stop_ends_a_round_and_leaves_the_chat_alone(
    app: FastAPI,
    client: httpx.AsyncClient,
    chat_settings: ChatSettings,
    model_server: Upstream,
) -> None:
    session = page(app, "mine")
    answer = asks(session, chat_settings)
    two = (Asked(MODEL), Asked(MODEL))
    session.match = Match(chat_settings, Line(4), "endless", two)
    await until(lambda: model_server.open == 3)
    assert (await client.post("/stop/prompt/mine")).status_code == 204
    await until(lambda: model_server.open == 1)
    assert (session.match.over, answer.exchange.ended) == (True, False)
    await answer.stop()
