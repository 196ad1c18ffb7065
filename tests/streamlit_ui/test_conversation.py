"""Conversations outside the browser's session: what is sent, what is kept, for how long."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from chat_client import ChatSettings, Dialogue, Room, Sampling
from chat_client.reply import Reply
from streamlit_ui.conversation import Conversation, Shelf
from tests.chat_client.upstream import Cut, Hang, Part, Pause, Upstream, chunk, upstream
from tests.running import free_port, wait_until


@pytest.fixture
def server() -> Iterator[Upstream]:
    with upstream() as running:
        yield running


def asked(
    server: Upstream, conversation: Conversation | None = None, abandoned_s: float = 60
) -> Reply:
    settings = ChatSettings(lmstudio_url=server.url, chat_abandoned_s=abandoned_s)
    conversation = conversation or Conversation()
    return conversation.begin(settings, conversation.dialogue.ask("Hello", "tiny"), Sampling())


def finished(reply: Reply) -> Reply:
    def ended() -> bool:
        reply.take(0.05)
        return not reply.open

    wait_until(ended, "the reply's end")
    return reply


def test_a_complete_reply_has_its_numbers(server: Upstream) -> None:
    entry = finished(asked(server)).entry
    assert (entry.text, entry.state) == ("A token is a piece of text.", "done")
    assert entry.stats is not None
    assert entry.stats.completion_tokens == 7


def test_a_stopped_reply_keeps_what_came(server: Upstream) -> None:
    server.script = lambda _: [chunk("Some"), Hang()]
    reply = asked(server)
    wait_until(lambda: reply.take(0.05) and reply.entry.text, "the first text")
    reply.stop()
    assert (reply.entry.text, reply.entry.state, reply.open) == ("Some", "stopped", False)
    wait_until(lambda: server.abandoned == 1, "the upstream to close")


def test_a_stopped_reply_has_the_numbers_of_what_came(server: Upstream) -> None:
    words: list[Part] = [chunk("One ", model="other"), Pause(0.02), chunk("two ", model="other")]
    server.script = lambda _: [*words, chunk("three", model="other"), Hang()]
    reply = asked(server)
    wait_until(lambda: reply.take(0.05) and "three" in reply.entry.text, "three words")
    reply.stop()
    entry = reply.entry
    assert entry.line.startswith("about 3 tokens out · ")
    assert " tokens/s · first token after " in entry.line
    assert entry.line.endswith(" s · stopped · answered by other, not tiny")


def test_a_reply_stopped_before_its_first_token_has_no_numbers(server: Upstream) -> None:
    server.script = lambda _: [Hang()]
    reply = asked(server)
    wait_until(lambda: server.active == 1, "the request to arrive")
    reply.stop()
    assert reply.entry.line == "stopped before the first token · tiny"


def test_a_broken_reply_says_why(server: Upstream) -> None:
    server.script = lambda _: [chunk("Half"), Pause(0.05), Cut()]
    entry = finished(asked(server)).entry
    assert (entry.text, entry.state) == ("Half", "failed")
    assert entry.error is not None


def test_a_question_counts_as_sent_once_it_is_written(server: Upstream) -> None:
    server.script = lambda _: [Hang()]
    reply = asked(server)
    assert reply.exchange.sent.wait(10)
    reply.stop()
    nobody = ChatSettings(lmstudio_url=f"http://127.0.0.1:{free_port()}")
    conversation = Conversation()
    turn = conversation.dialogue.ask("Hello", "tiny")
    assert not finished(conversation.begin(nobody, turn, Sampling())).exchange.sent.is_set()


def test_a_reply_that_nobody_reads_ends_with_what_came(server: Upstream) -> None:
    server.script = lambda _: [chunk("Some"), Hang()]
    reply = asked(server, abandoned_s=2)
    wait_until(lambda: not reply.open, "the reply to be given up")
    assert (reply.entry.text, reply.entry.state) == ("Some", "stopped")


def test_the_next_question_stops_the_answer_before_it(server: Upstream) -> None:
    server.script = lambda _: [chunk("Some"), Hang()]
    conversation = Conversation()
    first = asked(server, conversation)
    second = asked(server, conversation)
    assert not first.open
    assert conversation.under_way is second
    second.stop()


def test_without_a_gateway_the_chat_goes_on_and_says_that_nothing_is_kept(
    server: Upstream,
) -> None:
    away = Room(ChatSettings(gateway_url="http://127.0.0.1:9", gateway_key="lk_x"))
    conversation = Conversation(Dialogue(), away)
    finished(asked(server, conversation))
    wait_until(lambda: conversation.dialogue.not_kept, "the news that nothing is kept")
    assert conversation.dialogue.shown[-1].message.text == "A token is a piece of text."


def test_a_conversation_is_found_by_both_its_names() -> None:
    shelf, conversation = Shelf(), Conversation()
    shelf.keep(conversation)
    own = conversation.id
    conversation.dialogue.room_id = "c_1"
    assert conversation.id == "c_1"
    assert shelf.find(own) is conversation
    assert shelf.find("c_1") is conversation


def test_the_shelf_is_bounded_in_number() -> None:
    shelf = Shelf(most=2)
    first, second, third = Conversation(), Conversation(), Conversation()
    shelf.keep(first)
    shelf.keep(second)
    assert shelf.find(first.id) is first  # Used again: now the second is the oldest.
    shelf.keep(third)
    assert shelf.find(second.id) is None
    assert shelf.find(first.id) is first


def test_the_shelf_is_bounded_in_time() -> None:
    shelf = Shelf(idle_s=0)
    old = Conversation()
    shelf.keep(old)

    def gone() -> bool:
        shelf.keep(Conversation())
        return shelf.find(old.id) is None

    wait_until(gone, "the old conversation to be dropped")


def test_an_id_cannot_be_guessed() -> None:
    ids = {Conversation().id for _ in range(50)}
    assert len(ids) == 50
    assert min(len(name) for name in ids) >= 20
