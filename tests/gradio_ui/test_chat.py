"""One answer on its way: which phase it is in, and how long it took."""

from __future__ import annotations

from chat_client import ChatError, Dialogue, Finished, Reasoning, Stats, Text
from gradio_ui.chat import Chat, Exchange, Phase


def begun() -> Exchange:
    return Chat().begin(Dialogue().ask("Why?", "tiny"))


def phase(exchange: Exchange) -> Phase:
    return exchange.phase


def test_it_waits_reads_thinks_answers_and_is_done() -> None:
    exchange = begun()
    assert phase(exchange) == "in line"
    exchange.in_line = False
    assert phase(exchange) == "reading"
    exchange.take(Reasoning("hm"))
    assert phase(exchange) == "thinking"
    exchange.take(Text("Because."))
    assert phase(exchange) == "answering"
    exchange.take(Finished(Stats(0.03, 40.0, 12, 41, "stop", "tiny")))
    exchange.answer.end()
    assert (phase(exchange), exchange.ended) == ("done", True)


def test_the_first_ending_counts_and_stops_the_clock() -> None:
    exchange = begun()
    exchange.answer.end(ChatError("Refused.", "Wait."))
    elapsed = exchange.answer.elapsed_s
    exchange.answer.stop()
    assert phase(exchange) == "failed"
    assert exchange.answer.elapsed_s == elapsed


def test_a_chat_finds_the_exchange_of_an_answer() -> None:
    chat = Chat()
    exchange = chat.begin(chat.dialogue.ask("Why?", "tiny"))
    assert chat.exchange(exchange.answer) is exchange
    assert Chat().exchange(exchange.answer) is None
