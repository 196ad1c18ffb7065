"""What the page shows of a conversation."""

from __future__ import annotations

from chat_client import ChatError, Finished, Reasoning, Stats, Text
from gradio_ui.chat import Chat, Exchange
from gradio_ui.transcript import Bubble, transcript

STATS = Stats(0.03, 39.8, 12, 41, "length", "tiny@q8_0")


def drawn(exchange: Exchange) -> list[Bubble]:
    return transcript(Chat([exchange]))


def title(bubble: Bubble) -> str:
    return str(bubble["metadata"]["title"])


def test_a_finished_answer_carries_its_line_of_numbers() -> None:
    exchange = Exchange("Why?", "tiny")
    exchange.take(Text("Because."))
    exchange.take(Finished(STATS))
    exchange.end("done")
    question, answer, numbers = drawn(exchange)
    assert (question["role"], question["content"][0]["text"]) == ("user", "Why?")
    assert answer["content"][0]["text"] == "Because."
    assert title(numbers) == "41 tokens · 39.8 tokens/s · first token after 0.03 s"
    assert "tiny@q8_0" in numbers["content"][0]["text"]
    assert "cut short" in numbers["content"][0]["text"]


def test_indented_text_keeps_its_indentation() -> None:
    exchange = Exchange("  - a\n    - b", "tiny")
    assert drawn(exchange)[0]["content"] == [{"type": "text", "text": "  - a\n    - b"}]


def test_thoughts_are_set_apart_and_fold_when_the_answer_begins() -> None:
    exchange = Exchange("Why?", "tiny")
    exchange.take(Reasoning("Let me see."))
    _, thinking = drawn(exchange)
    assert thinking["metadata"] == {"title": "Thinking", "status": "pending"}
    exchange.take(Text("So:"))
    _, thought, answer = drawn(exchange)
    assert thought["metadata"]["status"] == "done"
    assert "duration" in thought["metadata"]
    assert answer["content"][0]["text"] == "So:"


def test_the_place_in_line_is_shown() -> None:
    exchange = Exchange("Why?", "tiny")
    exchange.place = 2
    assert title(drawn(exchange)[-1]) == "Waiting in line: 2nd"


def test_a_stopped_answer_is_marked_below_what_came() -> None:
    exchange = Exchange("Why?", "tiny")
    exchange.take(Text("Beca"))
    exchange.end("stopped")
    _, answer, mark = drawn(exchange)
    assert answer["content"][0]["text"] == "Beca"
    assert title(mark).startswith("Stopped after ")


def test_a_broken_answer_says_what_was_wrong_and_what_to_do() -> None:
    exchange = Exchange("Why?", "tiny")
    exchange.take(Text("Beca"))
    exchange.end("failed", ChatError("The server went away.", "Start it again."))
    _, answer, trouble = drawn(exchange)
    assert answer["content"][0]["text"] == "Beca"
    assert title(trouble) == "The server went away."
    assert trouble["content"][0]["text"] == "Start it again."
