"""The answer on its way from the model server to the caller.

Owns what happens to its bytes: the errors that hide in its beginning, event borders, usage read
from a copy, the usage chunk that only the gateway asked for, the end that goes out only when the
ledger has its row, and a stream that was cut without a word.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from gateway.caller import Caller
from gateway.errors import ModelServerCut
from gateway.events import EventCutter, EventTooLong, split_events
from gateway.heartbeat import Heartbeat
from gateway.model_errors import error_in_event, error_in_success, read_error
from gateway.upstream import Answer
from gateway.usage import is_usage_only
from gateway.visit import Visit

MAX_ERROR_BYTES = 64 * 1024
Commit = Callable[[], Awaitable[None]]


async def pass_on(visit: Visit, caller: Caller, beat: Heartbeat, commit: Commit) -> None:
    """Sends an opened answer; `commit` is called before the caller can see its end."""
    answer = visit.answer
    if answer is None:
        raise RuntimeError("there is no answer to pass on")
    if answer.status >= 400:
        raise read_error(answer.status, await _read_some(answer))
    if answer.status >= 300:
        raise read_error(502, b"")  # a redirect is never followed
    first = await answer.read()
    visit.note_piece(len(first))
    streaming = answer.headers.get("content-type", "").startswith("text/event-stream")
    if streaming:
        await _pass_stream(visit, caller, beat, answer, first, commit)
    else:
        await _pass_whole(visit, caller, beat, answer, first, commit)


async def _pass_whole(
    visit: Visit, caller: Caller, beat: Heartbeat, answer: Answer, first: bytes, commit: Commit
) -> None:
    """An answer in one piece, or in some: its last bytes wait for the ledger."""
    body = bytearray(first)
    while piece := await answer.read():
        visit.note_piece(len(piece))
        body += piece
    whole = bytes(body)
    if error := error_in_success(whole):
        raise error
    visit.meter.see_answer(whole)
    await commit()
    await beat.stop()
    if caller.started:  # a comment went out already, so this answer is not what was announced
        raise ModelServerCut("The model server did not answer with a stream.")
    await caller.start(answer.status, answer.headers)
    await caller.send(whole, last=True)


async def _pass_stream(
    visit: Visit, caller: Caller, beat: Heartbeat, answer: Answer, first: bytes, commit: Commit
) -> None:
    """A stream of events, each as soon as it is whole; the end waits for the ledger."""
    if error := error_in_event(first):
        raise error
    cutter, marks, see_events = EventCutter(), visit.route.end_marks, visit.meter.see_events
    await beat.stop()
    if not caller.started:
        await caller.start(answer.status, answer.headers)
    held = b""
    ended = not marks
    piece = first
    while piece:
        run = _cut(cutter, piece)
        if run:
            if see_events(run) and visit.ask.drop_usage:
                run = b"".join(e for e in split_events(run) if not is_usage_only(e))
            for mark in marks:
                if mark in run:
                    ended = True
            if ended and marks:
                held += run
            elif run:
                await caller.send(run)
        piece = await answer.read()
        visit.note_piece(len(piece))
    held += cutter.rest()
    if not ended:
        raise ModelServerCut("The model server ended the answer before it was complete.")
    await commit()
    await caller.send(held, last=True)


def _cut(cutter: EventCutter, piece: bytes) -> bytes:
    try:
        return cutter.feed(piece)
    except EventTooLong:
        raise ModelServerCut("The model server sent a line without end.") from None


async def _read_some(answer: Answer) -> bytes:
    """An error's body, up to `MAX_ERROR_BYTES`."""
    body = b""
    while len(body) < MAX_ERROR_BYTES and (piece := await answer.read()):
        body += piece
    return body
