"""The page's handlers, called as Gradio calls them, against a model server on a real socket."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import gradio as gr
import pytest

from chat_client import SAMPLING_FIELDS, ChatSettings
from gradio_ui.handlers import Handlers
from gradio_ui.outlook_view import OutlookView
from gradio_ui.server_handlers import ServerHandlers
from gradio_ui.session import Session
from tests.gradio_ui.upstream import MODEL, SEES, Upstream, until


def values(model: str | None = MODEL, system: str = "", **settings: Any) -> tuple[str]:
    """What the widgets hold, as the page sends it; those not named are empty."""
    rest = (settings.get(field.name) for field in SAMPLING_FIELDS)
    return (json.dumps([model, system, *rest]),)


VALUES = values(system="Be brief.", temperature=0.2, top_p=0.9, max_tokens=64)


@pytest.fixture
def handlers(chat_settings: ChatSettings) -> Handlers:
    return Handlers(chat_settings, slots=4)


async def ask(handlers: Handlers, session: Session, question: str, *given: Any) -> list[Any]:
    return [picture async for picture in handlers.send(session, "", question, *(given or VALUES))]


def texts(picture: Any) -> list[str]:
    return [bubble["content"][0]["text"] for bubble in picture[0]]


def all_skipped(pictures: list[Any]) -> bool:
    """Gradio would empty what a handler without any picture might have drawn."""
    return bool(pictures) and all(part == gr.skip() for picture in pictures for part in picture)


async def test_the_question_is_echoed_at_once_and_stop_takes_the_place_of_send(
    handlers: Handlers,
) -> None:
    pictures = await ask(handlers, Session(), "one two")
    assert texts(pictures[0])[0] == "one two"
    assert pictures[0][1]["stop_btn"] == "Stop"
    assert pictures[0][1]["value"] == ""
    assert pictures[-1][1]["submit_btn"] == "Send"
    assert texts(pictures[-1])[1].strip() == "You asked: one two"


async def test_settings_and_earlier_turns_reach_the_model_numbers_do_not(
    handlers: Handlers, model_server: Upstream
) -> None:
    session = Session()
    await ask(handlers, session, "one")
    await ask(handlers, session, "two")
    body = model_server.bodies[-1]
    assert (body["temperature"], body["top_p"], body["max_tokens"]) == (0.2, 0.9, 64)
    assert [message["role"] for message in body["messages"]] == [
        "system",
        "user",
        "assistant",
        "user",
    ]
    assert "tokens/s" not in str(body["messages"])


async def test_what_is_not_set_is_not_sent(handlers: Handlers, model_server: Upstream) -> None:
    await ask(handlers, Session(), "one", *values())
    sent = set(model_server.bodies[-1])
    assert sent <= {"model", "messages", "stream", "stream_options"}


async def test_a_new_page_leaves_the_buttons_to_a_question_asked_meanwhile(
    handlers: Handlers,
) -> None:
    pictures = [picture async for picture in handlers.enter(Session(), "", 0)]
    assert [picture[1] for picture in pictures] == [gr.skip()]


async def test_enter_pressed_twice_before_the_models_are_known_asks_once(
    handlers: Handlers, model_server: Upstream
) -> None:
    session = Session()
    first, second = await asyncio.gather(
        ask(handlers, session, "one", *values(model=None)),
        ask(handlers, session, "one", *values(model=None)),
    )
    assert len(model_server.bodies) == 1
    assert texts(first[-1])[1].strip() == "You asked: one"
    assert all_skipped(second)


async def test_a_setting_that_cannot_be_is_said_and_nobody_is_asked(
    handlers: Handlers, model_server: Upstream
) -> None:
    pictures = await ask(handlers, Session(), "one", *values(json_schema="{nonsense"))
    assert "JSON schema cannot be read" in str(pictures[-1][0])
    assert pictures[-1][1]["value"] == "one"
    assert model_server.bodies == []


async def test_an_empty_question_asks_nobody(handlers: Handlers, model_server: Upstream) -> None:
    session = Session()
    pictures = await ask(handlers, session, "   ")
    assert (session.chat.dialogue.entries, model_server.bodies) == ({}, [])
    assert all_skipped(pictures)


async def test_a_button_of_a_model_that_has_gone_leaves_the_list_as_it_is(
    handlers: Handlers,
) -> None:
    server = ServerHandlers(handlers.settings, handlers.lookout, handlers.room)
    event = gr.EventData(None, {"id": "gone", "do": "load"})
    assert [card async for card in server.act(Session(), event)] == [gr.skip()]


async def test_retry_makes_another_version_of_the_last_answer(
    handlers: Handlers, model_server: Upstream
) -> None:
    session = Session()
    await ask(handlers, session, "one")
    async for _ in handlers.again(session, "", *VALUES):
        pass
    question, answer = session.chat.dialogue.shown
    assert (question.message.text, question.of, answer.place, answer.of) == ("one", 1, 2, 2)
    assert model_server.bodies[0]["messages"] == model_server.bodies[1]["messages"]


async def test_a_second_question_during_an_answer_is_not_sent(
    handlers: Handlers, model_server: Upstream
) -> None:
    session = Session()
    first = handlers.send(session, "", "endless", *VALUES)
    await anext(first)
    assert all_skipped(await ask(handlers, session, "meanwhile"))
    assert session.chat.dialogue.shown[0].message.text == "endless"
    assert len(session.chat.dialogue.entries) == 2
    assert session.turn is not None
    await session.turn.stop()
    assert [picture async for picture in first][-1][1]["submit_btn"] == "Send"


async def test_a_new_chat_stops_the_answer_and_nothing_of_it_is_drawn_again(
    handlers: Handlers, model_server: Upstream
) -> None:
    session = Session()
    asking = asyncio.create_task(ask(handlers, session, "endless"))
    await until(lambda: any(each.message.text for each in session.chat.dialogue.shown[1:]))
    bubbles, *_ = await handlers.new_chat(session)
    assert bubbles == []
    assert (await asking)[-1][0] == []
    await until(lambda: model_server.open == 0)


async def test_a_page_without_its_list_of_models_asks_the_first_one(
    handlers: Handlers, model_server: Upstream
) -> None:
    await ask(handlers, Session(), "one", *values(None))
    assert model_server.bodies[-1]["model"] == MODEL


async def test_no_server_is_an_answer_with_advice_and_the_question_is_kept() -> None:
    away = Handlers(ChatSettings(lmstudio_url="http://127.0.0.1:9", llm_url=""), slots=4)
    pictures = await ask(away, Session(), "anyone?", *values(None))
    assert pictures[-1][1]["value"] == "anyone?"
    assert texts(pictures[-1])[-1]


async def test_the_timer_changes_nothing_that_is_already_shown(handlers: Handlers) -> None:
    session = Session()
    view = OutlookView(handlers.lookout)
    first = await view.look(session, None)
    again = await view.look(session, MODEL)
    assert first[3]["value"] == MODEL
    assert "Loaded · Q4_K_M · 5M parameters · context 2,048 tokens" in first[4]["value"]
    assert all(set(update) == {"__type__"} for update in again)


async def test_an_edited_question_is_asked_beside_the_old_one(
    handlers: Handlers, model_server: Upstream
) -> None:
    session = Session()
    await ask(handlers, session, "one")
    data = {"index": 0, "previous_value": "one", "value": "two"}
    async for _ in handlers.edited(session, "", gr.EditData(None, data), *VALUES):
        pass
    assert model_server.bodies[-1]["messages"][-1]["content"] == "two"
    assert [(each.place, each.of) for each in session.chat.dialogue.shown] == [(2, 2), (1, 1)]
    older = session.chat.dialogue.shown[0].older_id
    picture = await handlers.choose(session, gr.EventData(None, {"id": older}))
    assert texts(picture)[0] == "one"


async def test_without_the_gateway_the_chat_goes_on_and_says_that_nothing_is_kept(
    handlers: Handlers,
) -> None:
    session = Session()
    await ask(handlers, session, "one")
    pictures = await ask(handlers, session, "two")
    bubbles, _, address, notice, _ = pictures[-1]
    assert len(bubbles) == 6
    assert address == ""
    assert "nothing of it is kept" in notice["value"]


async def test_loading_a_model_shows_how_far_it_is(
    handlers: Handlers, model_server: Upstream
) -> None:
    await handlers.lookout.look()
    model_server.may_load.clear()
    titles: list[str] = []
    async for picture in handlers.send(Session(), "", "one", *values(model=SEES)):
        titles.append(str(picture[0][-1].get("metadata", {}).get("title", "")))
        if "42%" in titles[-1]:
            model_server.may_load.set()
    assert any(title.startswith("Loading the model · 42%") for title in titles)
    assert model_server.bodies[-1]["model"] == SEES


async def test_a_tool_call_is_shown_with_its_arguments(handlers: Handlers) -> None:
    *_, last = await ask(handlers, Session(), "tool please")
    call = last[0][1]
    assert call["metadata"]["title"] == "Tool call: `get_weather`"
    assert '"city": "Bern"' in call["content"][0]["text"]


async def test_the_oldest_is_left_out_only_when_somebody_says_so(
    handlers: Handlers, model_server: Upstream
) -> None:
    await handlers.lookout.look()
    session = Session()
    *_, last = await ask(handlers, session, "one " * 2500)
    assert "The context is full" in last[4]["value"]
    await ask(handlers, session, "two")
    assert len(model_server.bodies[-1]["messages"]) == 4
    session.chat.leave_out_oldest = True
    *_, last = await ask(handlers, session, "three")
    assert "The context is full" not in last[4]["value"]
    assert "one one" not in str(model_server.bodies[-1]["messages"])
