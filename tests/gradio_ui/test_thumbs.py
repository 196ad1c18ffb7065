"""Thumbs under answers: what a click does, which are shown, and what is said when none is kept."""

from __future__ import annotations

from typing import Any

import gradio as gr
import pytest

from chat_client import ChatSettings, Reasoning, Text, ToolCall
from gradio_ui.chat import Chat
from gradio_ui.handlers import Handlers
from gradio_ui.session import Session
from gradio_ui.thumbs import Thumbs
from gradio_ui.transcript import drawn, thumbs
from tests.gradio_ui.test_handlers import ask


@pytest.fixture
def handlers(chat_settings: ChatSettings) -> Handlers:
    return Handlers(chat_settings, slots=4)


async def click(handlers: Handlers, session: Session, index: int, liked: bool | str) -> Any:
    data = {"index": index, "value": "", "liked": liked}
    return await Thumbs(handlers.view, handlers.keeper).clicked(session, gr.LikeData(None, data))


def shown_below(chat: Chat) -> dict[str, str | None]:
    """The thumb of each bubble of the model, by the words in it."""
    bubbles = [bubble for _, bubble in drawn(chat) if bubble["role"] == "assistant"]
    names = thumbs(chat, drawn(chat)) + [None] * len(bubbles)
    return {
        bubble["content"][0]["text"].strip(): name
        for bubble, name in zip(bubbles, names, strict=False)
    }


async def test_a_thumb_belongs_to_its_answer_and_without_a_gateway_that_is_said(
    handlers: Handlers,
) -> None:
    session = Session()
    await ask(handlers, session, "think one")
    await ask(handlers, session, "two")
    place = next(
        index
        for index, (_, bubble) in enumerate(drawn(session.chat))
        if bubble["content"][0]["text"].strip() == "You asked: think one"
    )
    chatbot, notice = await click(handlers, session, place, True)
    below = shown_below(session.chat)
    assert (below["You asked: think one"], below["You asked: two"]) == ("Like", None)
    assert chatbot["feedback_value"] == thumbs(session.chat, drawn(session.chat))
    assert "nothing of it is kept" in notice["value"]
    await click(handlers, session, place, False)
    assert shown_below(session.chat)["You asked: think one"] == "Dislike"
    chatbot, _ = await click(handlers, session, place, "")
    assert chatbot["feedback_value"] == []


def test_a_tool_call_inside_a_thought_does_not_shift_the_thumbs() -> None:
    chat = Chat()
    first = chat.begin(chat.dialogue.ask("Why?", "tiny"))
    first.take(Reasoning("Hm."))
    first.take(ToolCall(0, "c1", "get_weather", "{}"))
    first.answer.end()
    second = chat.begin(chat.dialogue.ask("And?", "tiny"))
    second.take(Text("So."))
    second.answer.end()
    second.answer.feedback = "up"
    thought, words, note = None, None, None
    assert thumbs(chat, drawn(chat)) == [thought, words, note, "Like", "Like"]  # text, note


async def test_another_chat_shows_its_own_thumbs(handlers: Handlers) -> None:
    session = Session()
    await ask(handlers, session, "one")
    await click(handlers, session, 1, True)
    conversation, *_ = await handlers.new_chat(session)
    assert conversation["value"] == []
    assert conversation["feedback_value"] == []


async def test_a_question_takes_no_thumb(handlers: Handlers) -> None:
    session = Session()
    await ask(handlers, session, "one")
    chatbot, _ = await click(handlers, session, 0, True)
    assert chatbot["feedback_value"] == []
    chatbot, _ = await click(handlers, session, 99, True)
    assert chatbot["feedback_value"] == []
