"""An answer as a background job: read by polling, stopped by hand or because nobody reads."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from chat_client import Answer, ChatSettings, Finished, Message, Piece, Sampling, Text
from tests.chat_client.upstream import Cut, Hang, Pause, Upstream, chunk, spoken, upstream
from tests.running import wait_until


@pytest.fixture
def server() -> Iterator[Upstream]:
    with upstream() as running:
        yield running


def start(server: Upstream, abandoned_s: float = 10.0) -> Answer:
    settings = ChatSettings(lmstudio_url=server.url, chat_abandoned_s=abandoned_s)
    return Answer.start(settings, "tiny", [Message("user", "Hello")], Sampling())


def read(answer: Answer) -> list[Piece]:
    pieces: list[Piece] = []

    def ended() -> bool:
        pieces.extend(answer.poll(0.05))
        return answer.done

    wait_until(ended, "the answer's end", 10)
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
    wait_until(lambda: server.active == 1, "the request to arrive", 5)
    answer.stop()
    wait_until(lambda: server.active == 0, "the upstream to be closed", 5)
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
    start(server, abandoned_s=0.3)
    wait_until(lambda: server.active == 1, "the request to arrive", 5)
    wait_until(lambda: server.abandoned == 1, "the answer to be given up", 5)


def test_an_answer_that_is_read_goes_on(server: Upstream) -> None:
    server.script = lambda _: spoken("one two three four five", pause_s=0.2)
    answer = start(server, abandoned_s=0.5)  # Shorter than the answer takes.
    assert isinstance(read(answer)[-1], Finished)
