"""The guided first visit: its words, and what its questions send to a model server."""

from __future__ import annotations

import re

import pytest

from chat_client import ChatSettings, sampling_problem
from gradio_ui.handlers import Handlers
from gradio_ui.session import Session
from gradio_ui.tour_steps import STEPS, TourStep
from tests.gradio_ui.test_handlers import VALUES
from tests.gradio_ui.upstream import Upstream


def test_the_five_steps_come_in_the_order_of_the_101() -> None:
    titles = [step.title for step in STEPS]
    assert titles == ["Model", "Token", "Temperature", "Quantization", "Your turn"]


@pytest.mark.parametrize("step", STEPS, ids=lambda step: step.title)
def test_a_step_has_a_sentence_or_two_and_something_to_ask(step: TourStep) -> None:
    sentences = re.findall(r"[.!?](?=\s|$)", step.words)
    assert 1 <= len(sentences) <= 2
    assert len({question.label for question in step.questions}) == len(step.questions) > 0
    for question in step.questions:
        assert question.text
        assert bool(question.settings) == bool(question.told), "other settings have to be said"
        for name, value in question.settings.items():
            assert sampling_problem(name, value) is None


async def test_a_question_has_settings_of_its_own_and_nothing_before_it(
    chat_settings: ChatSettings, model_server: Upstream
) -> None:
    handlers, session = Handlers(chat_settings, slots=4), Session()
    own = {"temperature": 1.5, "max_tokens": 8}
    for text in ("one", "two"):
        async for _ in handlers.ask_alone(session, "", text, own, "Asked at 1.5.", *VALUES):
            pass
    sent = model_server.bodies[-1]
    assert (sent["temperature"], sent["max_tokens"], sent["top_p"]) == (1.5, 8, 0.9)
    assert [(each["role"], each["content"]) for each in sent["messages"]] == [
        ("system", "Be brief."),
        ("user", "two"),
    ]
    assert session.notice == "Asked at 1.5."
    assert session.chat.dialogue.settings["temperature"] == 0.2
    async for _ in handlers.send(session, "", "three", *VALUES):
        pass
    assert model_server.bodies[-1]["temperature"] == 0.2
    assert session.notice == ""
