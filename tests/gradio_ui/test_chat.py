"""What the model is sent of a conversation."""

from __future__ import annotations

from chat_client import ChatError, Message, Reasoning, Stats, Text
from chat_client.messages import Finished
from gradio_ui.chat import Chat, Exchange

STATS = Stats(0.03, 40.0, 12, 41, "stop", "tiny")


def finished(question: str, answer: str) -> Exchange:
    exchange = Exchange(question, "tiny")
    exchange.take(Reasoning("hm"))
    exchange.take(Text(answer))
    exchange.take(Finished(STATS))
    exchange.end("done")
    return exchange


def test_questions_and_answers_alternate_and_the_system_prompt_comes_first() -> None:
    chat = Chat([finished("One?", "First."), Exchange("Two?", "tiny")])
    assert chat.messages(" Be brief. ") == [
        Message("system", "Be brief."),
        Message("user", "One?"),
        Message("assistant", "First."),
        Message("user", "Two?"),
    ]


def test_reasoning_and_numbers_stay_here() -> None:
    sent = " ".join(message.content for message in Chat([finished("One?", "First.")]).messages())
    assert "hm" not in sent
    assert "tokens" not in sent


def test_a_partial_answer_is_part_of_the_conversation() -> None:
    exchange = Exchange("One?", "tiny")
    exchange.take(Text("Half an"))
    exchange.end("stopped")
    assert Chat([exchange]).messages()[-1] == Message("assistant", "Half an")


def test_a_question_that_got_no_answer_is_left_out() -> None:
    refused = Exchange("One?", "tiny")
    refused.end("failed", ChatError("Refused.", "Wait."))
    assert Chat([refused, Exchange("Two?", "tiny")]).messages() == [Message("user", "Two?")]


def test_thinking_is_timed_until_the_answer_begins() -> None:
    exchange = finished("One?", "First.")
    assert exchange.thought_s is not None
    assert exchange.thought_s >= 0
