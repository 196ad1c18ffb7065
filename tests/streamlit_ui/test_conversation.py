"""Conversations outside the browser's session: what is sent, what is kept, for how long."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from chat_client import Answer, ChatSettings, Message, Sampling
from streamlit_ui.conversation import Conversation, Reply, Shelf, Turn
from tests.chat_client.upstream import Cut, Hang, Pause, Upstream, chunk, spoken, upstream
from tests.running import wait_until


@pytest.fixture
def server() -> Iterator[Upstream]:
    with upstream() as running:
        yield running


def reply_of(server: Upstream) -> Reply:
    settings = ChatSettings(lmstudio_url=server.url)
    answer = Answer.start(settings, "tiny", [Message("user", "Hello")], Sampling())
    return Reply("tiny", answer)


def finished(reply: Reply) -> Reply:
    def ended() -> bool:
        reply.take(0.05)
        return not reply.open

    wait_until(ended, "the reply's end", 10)
    return reply


def test_a_complete_reply_has_its_numbers(server: Upstream) -> None:
    reply = finished(reply_of(server))
    assert reply.text == "A token is a piece of text."
    assert reply.stats is not None
    assert reply.stats.completion_tokens == 7
    assert not reply.stopped


def test_a_stopped_reply_keeps_what_came(server: Upstream) -> None:
    server.script = lambda _: [chunk("Some"), Hang()]
    reply = reply_of(server)
    wait_until(lambda: reply.take(0.05) and reply.text, "the first text", 5)
    reply.stop()
    assert (reply.text, reply.stopped, reply.open) == ("Some", True, False)
    wait_until(lambda: server.abandoned == 1, "the upstream to close", 5)


def test_a_broken_reply_says_why(server: Upstream) -> None:
    server.script = lambda _: [chunk("Half"), Pause(0.05), Cut()]
    reply = finished(reply_of(server))
    assert reply.text == "Half"
    assert reply.error is not None
    assert not reply.stopped


def test_the_time_of_thinking_is_measured(server: Upstream) -> None:
    server.script = lambda _: [chunk(reasoning="Hm."), Pause(0.05), *spoken("Yes.")]
    reply = finished(reply_of(server))
    assert (reply.reasoning, reply.text) == ("Hm.", "Yes.")
    assert reply.reasoning_s is not None
    assert reply.reasoning_s > 0


def test_the_model_is_told_the_conversation_in_turns(server: Upstream) -> None:
    answered = finished(reply_of(server))
    server.script = lambda _: [Cut()]
    failed = finished(reply_of(server))
    conversation = Conversation(turns=[Turn("One?", answered), Turn("Two?", failed)])
    assert conversation.messages("Three?", "Be kind.") == [
        Message("system", "Be kind."),
        Message("user", "One?"),
        Message("assistant", "A token is a piece of text."),
        Message("user", "Three?"),  # Roles must alternate: the question without an answer is out.
    ]
    assert conversation.messages("Three?", "  ")[0] == Message("user", "One?")


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

    wait_until(gone, "the old conversation to be dropped", 5)


def test_an_id_cannot_be_guessed() -> None:
    ids = {Conversation().id for _ in range(50)}
    assert len(ids) == 50
    assert min(len(name) for name in ids) >= 20
