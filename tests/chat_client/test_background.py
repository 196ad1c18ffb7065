"""An answer as a background job: read by polling, stopped by hand or because nobody reads."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from chat_client import Answer, ChatSettings, Finished, Message, Piece, Sampling, Text
from tests.chat_client.upstream import Cut, Hang, Pause, Upstream, chunk, event, spoken, upstream
from tests.running import wait_until


@pytest.fixture
def server() -> Iterator[Upstream]:
    with upstream() as running:
        yield running


def start(server: Upstream, abandoned_s: float = 10.0, *, load: bool = False) -> Answer:
    settings = ChatSettings(
        lmstudio_url=server.url, chat_abandoned_s=abandoned_s, chat_concurrency=2
    )
    return Answer.start(settings, "tiny", [Message("user", "Hello")], Sampling(), load=load)


def read(answer: Answer) -> list[Piece]:
    pieces: list[Piece] = []

    def ended() -> bool:
        pieces.extend(answer.poll(0.05))
        return answer.done

    wait_until(ended, "the answer's end")
    return pieces


def test_every_piece_is_polled_before_the_answer_is_done(server: Upstream) -> None:
    server.script = lambda _: spoken("one two three")
    answer = start(server)
    pieces = read(answer)
    assert "".join(p.text for p in pieces if isinstance(p, Text)) == "one two three"
    assert isinstance(pieces[-1], Finished)
    assert answer.error is None
    assert answer.poll(0) == []


def test_an_error_comes_after_the_text(server: Upstream) -> None:
    server.script = lambda _: [chunk("Half"), Pause(0.05), Cut()]
    answer = start(server)
    assert read(answer) == [Text("Half")]
    assert answer.error is not None
    assert "cut off" in answer.error.message


@pytest.mark.parametrize("first", [[], [chunk("One")]])
def test_stop_frees_the_upstream_before_and_after_the_first_token(
    server: Upstream, first: list[bytes]
) -> None:
    server.script = lambda _: [*first, Hang()]
    answer = start(server)
    wait_until(lambda: server.active == 1, "the request to arrive")
    answer.stop()
    wait_until(lambda: server.active == 0, "the upstream to be closed")
    assert server.abandoned == 1
    read(answer)
    assert answer.done
    assert answer.error is None
    answer.stop()  # Stopping twice is harmless.


def test_stop_at_once_still_ends_the_answer(server: Upstream) -> None:
    answer = start(server)
    answer.stop()
    read(answer)
    assert answer.done


def test_an_answer_that_nobody_reads_is_stopped(server: Upstream) -> None:
    server.script = lambda _: [chunk("One"), Hang()]
    start(server, abandoned_s=1)
    wait_until(lambda: server.active == 1, "the request to arrive")
    wait_until(lambda: server.abandoned == 1, "the answer to be given up")


def test_an_answer_that_is_read_goes_on(server: Upstream) -> None:
    server.script = lambda _: spoken("one two three four five", pause_s=0.6)
    answer = start(server, abandoned_s=2)  # Shorter than the answer takes.
    assert isinstance(read(answer)[-1], Finished)


def test_one_too_many_waits_in_line_and_goes_in_when_somebody_leaves(server: Upstream) -> None:
    server.script = lambda _: [chunk("One"), Hang()]
    first, second = start(server), start(server)
    wait_until(lambda: server.active == 2, "both requests")
    third, fourth = start(server), start(server)
    wait_until(lambda: fourth.waiting.place == 2, "the second place in line")
    assert third.waiting.line == "Waiting in line: 1st"
    third.stop()
    wait_until(lambda: fourth.waiting.place == 1, "the line to move up")
    first.stop()
    wait_until(lambda: len(server.requests) == 3, "its turn")
    wait_until(lambda: server.active == 2, "the first one's connection to be closed")
    assert fourth.waiting.line == ""
    second.stop()
    fourth.stop()
    wait_until(lambda: server.active == 0, "nobody left")


def test_the_gateways_place_in_line_is_told_until_it_is_over(server: Upstream) -> None:
    server.script = lambda _: [b": queued position=7\n\n", Pause(2), b": reading\n\n", Hang()]
    answer = start(server)
    wait_until(lambda: answer.waiting.line == "Waiting in line: 7th", "the gateway's place")
    wait_until(lambda: answer.waiting.line == "", "the turn")
    answer.stop()


def test_a_load_is_told_and_stop_ends_it_without_a_question(server: Upstream) -> None:
    server.script = lambda _: [event({"type": "model_load.progress", "progress": 0.25}), Hang()]
    answer = start(server, load=True)
    wait_until(lambda: "Loading the model · 25%" in answer.waiting.line, "the share")
    answer.stop()
    wait_until(lambda: server.active == 0, "the load to be let go")
    assert [set(body) & {"input", "messages"} for body in server.requests] == [{"input"}]


def test_a_load_that_cannot_be_told_asks_all_the_same(server: Upstream) -> None:
    server.routes["/api/v1/chat"] = (404, {"error": "Unexpected endpoint or method."})
    answer = start(server, load=True)
    said = "".join(piece.text for piece in read(answer) if isinstance(piece, Text))
    assert said == "A token is a piece of text."
    assert answer.error is None
