"""The answer on its way from the model server to the caller.

Owns what happens to its bytes: event borders, usage read from a copy, the usage chunk that only the
gateway asked for, the end that goes out only when the ledger has its row, a stream that was cut
without a word, bounds on what is held. Whether they can be read is `answer_check`'s matter.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from gateway.answer_check import StreamCheck, read_whole
from gateway.caller import Caller
from gateway.errors import (
    GatewayError,
    ModelServerCut,
    ModelServerError,
    ModelServerUnreadable,
    NotOffered,
    Protocol,
    outcome_of,
)
from gateway.events import EventCutter, EventTooLong
from gateway.heartbeat import Heartbeat
from gateway.model_errors import error_in_success, read_error
from gateway.upstream import Answer
from gateway.visit import Visit

MAX_ERROR_BYTES = 64 * 1024
# LM Studio's bug tracker, issue 2339.
EMPTY = (
    "The model server ended its answer before it began. LM Studio does that when the conversation "
    "is longer than the model's context."
)
CUT = "The model server ended the answer before it was complete."
# An answer in one piece is held whole. The largest are embeddings: about 20 bytes a number.
MAX_ANSWER_BYTES = 64 * 1024 * 1024
# What may follow the end of a stream, and how long it is waited for: the connection is worth it.
MAX_REST_BYTES = 64 * 1024
REST_S = 1.0
Commit = Callable[[str], Awaitable[None]]


async def pass_on(visit: Visit, caller: Caller, beat: Heartbeat | None, commit: Commit) -> None:
    """Sends an opened answer; `commit` takes the outcome before the caller can see the end."""
    answer = visit.answer
    if answer is None:
        raise RuntimeError("there is no answer to pass on")
    if answer.status >= 400:
        raise _told(read_error(answer.status, await _read_some(answer)), visit)
    if answer.status >= 300:
        raise _redirected(answer.status)
    if answer.headers.get("content-encoding", "identity") != "identity":
        raise ModelServerUnreadable("The model server compressed its answer, unasked.")
    streaming = answer.headers.get("content-type", "").startswith("text/event-stream")
    if streaming:
        await _pass_stream(visit, caller, beat, answer, commit)
    else:
        await _pass_whole(visit, caller, beat, answer, commit)


async def _pass_whole(
    visit: Visit, caller: Caller, beat: Heartbeat | None, answer: Answer, commit: Commit
) -> None:
    """An answer in one piece, or in some: its last bytes wait for the ledger."""
    body = bytearray()
    while piece := await answer.read():
        visit.note_piece(len(piece))
        body += piece
        if len(body) > MAX_ANSWER_BYTES:
            raise ModelServerUnreadable(
                f"The model server's answer is larger than {MAX_ANSWER_BYTES} bytes. "
                "Ask for less at once."
            )
        if answer.whole:
            break
    whole = bytes(body)
    document = read_whole(whole)
    if error := error_in_success(document):
        raise _told(error, visit)
    if visit.ask.stream and visit.route.end_marks:
        raise ModelServerUnreadable("The model server did not answer with a stream.")
    visit.meter.see_answer(document)
    await commit("ok")
    if beat is not None:
        await beat.stop()
    await caller.answer(answer.status, answer.headers, whole)


async def _pass_stream(
    visit: Visit, caller: Caller, beat: Heartbeat | None, answer: Answer, commit: Commit
) -> None:
    """A stream of events, each as soon as it is whole; the end waits for the ledger."""
    marks = visit.route.end_marks
    check = StreamCheck(
        marks,
        visit.meter,
        # LM Studio's own API goes on after an error, to `chat.end`.
        goes_on=visit.route.protocol is Protocol.NATIVE,
        drop_usage=visit.ask.drop_usage,
    )
    cutter, begun, held = EventCutter(), False, b""
    while not check.ended and (piece := await answer.read()):
        visit.note_piece(len(piece))
        run = _cut(cutter, piece)
        run = check.take(run) if run else run
        if run:
            if not begun:
                await _begin(caller, beat, answer, run)
                begun = True
                answer.offer(_usual_way(visit, caller, check, cutter))
            if check.ended:
                held = run
            elif run:
                await caller.send(run)
        if check.error is not None:
            raise check.error
    held += cutter.rest()
    if not begun:
        raise ModelServerCut(CUT if held else EMPTY)
    if marks and not check.ended:
        raise ModelServerCut(CUT)
    held += await _rest(answer)
    await commit(outcome_of(check.told) if check.told else "ok")
    await caller.send(held, last=True)


def _usual_way(
    visit: Visit, caller: Caller, check: StreamCheck, cutter: EventCutter
) -> Callable[[bytes], bool]:
    """What lets usual events out as they come; everything else is for the loop above."""
    meter, known_events, write_piece = visit.meter, check.shape.events_in, caller.write_piece

    def pass_usual(piece: bytes) -> bool:
        if cutter.holding:
            return False
        events = known_events(piece) or check.usual_events(piece)
        if not events or not write_piece(piece):
            return False
        visit.note_piece(len(piece))
        meter.count_events(events)
        return True

    return pass_usual


async def _begin(caller: Caller, beat: Heartbeat | None, answer: Answer, run: bytes) -> None:
    """Sends the head: from the first whole event on, the answer is known to be one."""
    if run.strip() == b"data: [DONE]":
        raise ModelServerCut(EMPTY)
    if beat is not None:
        await beat.stop()
    if not caller.started:
        await caller.start(answer.status, answer.headers)


async def _rest(answer: Answer) -> bytes:
    """What follows the end: nothing, as a rule. A server that does not close is not waited for."""
    rest = b""
    try:
        async with asyncio.timeout(REST_S):
            while len(rest) < MAX_REST_BYTES and (piece := await answer.read()):
                rest += piece
    except (TimeoutError, GatewayError):
        pass  # what counts has arrived
    return rest


def _cut(cutter: EventCutter, piece: bytes) -> bytes:
    try:
        return cutter.feed(piece)
    except EventTooLong:
        raise ModelServerCut("The model server sent a line without end.") from None


def _redirected(status: int) -> ModelServerError:
    return ModelServerError(
        f"The model server answered with a redirect ({status}), which is never followed. "
        "Is LMSTUDIO_URL its root?",
        502,
        "upstream_error",
        None,
    )


def _told(error: GatewayError, visit: Visit) -> GatewayError:
    """The error with what the caller can do instead, where the route has something."""
    if isinstance(error, NotOffered) and visit.route.otherwise:
        return NotOffered(f"{error.message} {visit.route.otherwise}")
    return error


async def _read_some(answer: Answer) -> bytes:
    """An error's body, up to `MAX_ERROR_BYTES`."""
    body = b""
    while len(body) < MAX_ERROR_BYTES and (piece := await answer.read()):
        body += piece
    return body
