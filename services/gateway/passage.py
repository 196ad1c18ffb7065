"""The answer on its way from the model server to the caller.

Owns what happens to its bytes: the errors that hide in its beginning, event borders, usage read
from a copy, the usage chunk that only the gateway asked for, the end that goes out only when the
ledger has its row, and a stream that was cut without a word.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from gateway.caller import Caller
from gateway.errors import GatewayError, ModelServerCut, NotOffered, Protocol
from gateway.events import EventCutter, EventTooLong, split_events
from gateway.heartbeat import Heartbeat
from gateway.model_errors import cut_at_error, error_in_success, read_error
from gateway.routes import RelayedRoute
from gateway.upstream import Answer
from gateway.usage import is_usage_only
from gateway.visit import Visit

MAX_ERROR_BYTES = 64 * 1024
# LM Studio's bug tracker, issue 2339.
EMPTY = (
    "The model server ended its answer before it began. LM Studio does that when the conversation "
    "is longer than the model's context."
)
CUT = "The model server ended the answer before it was complete."
Commit = Callable[[], Awaitable[None]]


async def pass_on(visit: Visit, caller: Caller, beat: Heartbeat, commit: Commit) -> None:
    """Sends an opened answer; `commit` is called before the caller can see its end."""
    answer = visit.answer
    if answer is None:
        raise RuntimeError("there is no answer to pass on")
    if answer.status >= 400:
        raise _told(read_error(answer.status, await _read_some(answer)), visit)
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
        raise _told(error, visit)
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
    cutter, marks, see_events = EventCutter(), visit.route.end_marks, visit.meter.see_events
    held = b""
    begun, ended = False, not marks
    piece = first
    while piece:
        run, error = _cut(cutter, piece), None
        if b"event: error" in run:
            run, error = _cut_at_error(run, visit.route, begun)
        if run:
            if not begun:
                await _begin(caller, beat, answer, run)
                begun = True
            if see_events(run) and visit.ask.drop_usage:
                run = b"".join(e for e in split_events(run) if not is_usage_only(e))
            for mark in marks:
                if mark in run:
                    ended = True
            if ended and marks:
                held += run
            elif run:
                await caller.send(run)
        if error is not None:
            raise error
        piece = await answer.read()
        visit.note_piece(len(piece))
    if not begun:
        raise ModelServerCut(CUT if cutter.rest() else EMPTY)
    held += cutter.rest()
    if not ended:
        raise ModelServerCut(CUT)
    await commit()
    await caller.send(held, last=True)


async def _begin(caller: Caller, beat: Heartbeat, answer: Answer, run: bytes) -> None:
    """Sends the head: from the first whole event on, the answer is known to be one."""
    if run.strip() == b"data: [DONE]":
        raise ModelServerCut(EMPTY)
    await beat.stop()
    if not caller.started:
        await caller.start(answer.status, answer.headers)


def _cut_at_error(
    run: bytes, route: RelayedRoute, begun: bool
) -> tuple[bytes, GatewayError | None]:
    before, error = cut_at_error(run)
    if route.protocol is Protocol.NATIVE and (begun or before):
        return run, None  # LM Studio's own API goes on after an error, to `chat.end`
    return before, error


def _cut(cutter: EventCutter, piece: bytes) -> bytes:
    try:
        return cutter.feed(piece)
    except EventTooLong:
        raise ModelServerCut("The model server sent a line without end.") from None


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
