"""One request from its key to its ledger row: everything that must be given back hangs here.

Owns the ending. `end` runs in every way a request can end, may be called any number of times, and
does in order: close or keep the model server's connection, give back the slot, settle the limits,
write the ledger row. It decides nothing about the answer.
"""

from __future__ import annotations

import itertools
import secrets
import time
from datetime import UTC, datetime

from gateway.admission import Place
from gateway.ask import Ask
from gateway.keys import Key
from gateway.ledger import Ledger, Row
from gateway.rate_limits import RateLimits, Reservation
from gateway.routes import RelayedRoute
from gateway.upstream import Answer, Closing
from gateway.usage import Usage, UsageMeter

# Ids of one process share a random stem: unique without a system call for each request.
_STEM = secrets.token_hex(6)
_numbers = itertools.count(1)
# What every request begins with; neither is ever changed.
_NOT_READ, _NOTHING_READ, _NOTHING_USED = Ask(b""), UsageMeter(0), Usage(0, 0, exact=True)


def milliseconds(seconds: float) -> float:
    """A time of at least 0 in ms with three digits after the point, at a quarter of `round`."""
    return int(seconds * 1e6 + 0.5) / 1000


class Visit:
    """The state of one request. Times are readings of `time.monotonic`.

    `usage`: what was used, once it has ended; nothing when no model was asked.
    """

    __slots__ = (
        "answer",
        "ask",
        "began",
        "bytes_out",
        "ended",
        "ended_at",
        "failed_at",
        "first_at",
        "key",
        "last_at",
        "leaving",
        "meter",
        "opened_at",
        "outcome",
        "place",
        "queue_s",
        "request_id",
        "reservation",
        "route",
        "status",
        "usage",
    )

    def __init__(self, route: RelayedRoute) -> None:
        self.route = route
        self.request_id = f"req_{_STEM}{next(_numbers):08x}"
        self.began = time.monotonic()
        self.key: Key | None = None
        self.ask = _NOT_READ
        self.meter = _NOTHING_READ
        self.usage = _NOTHING_USED
        self.place: Place | None = None
        self.reservation: Reservation | None = None
        self.answer: Answer | None = None
        self.leaving: Closing = None
        self.failed_at = ""
        self.queue_s = 0.0
        self.opened_at = 0.0
        self.first_at: float | None = None
        self.last_at: float | None = None
        self.bytes_out = 0
        self.status = 0
        self.outcome = ""
        self.ended = False
        self.ended_at = 0.0

    def note_piece(self, size: int) -> None:
        """Bytes of the answer arrived."""
        self.last_at = time.monotonic()
        if self.first_at is None:
            self.first_at = self.last_at
        self.bytes_out += size

    def note_leaving(self, closing: Closing) -> None:
        """The model server was hung up on before it answered; it will have closed its side then."""
        self.leaving = closing

    @property
    def server(self) -> str:
        """The model server that answered, else the last one that could not."""
        return self.answer.server if self.answer is not None else self.failed_at

    @property
    def overhead_ms(self) -> float:
        """Time that the gateway itself took before it asked the model server."""
        return ((self.opened_at or time.monotonic()) - self.began - self.queue_s) * 1000

    @property
    def first_token_s(self) -> float | None:
        """Time to first token; None for a whole answer: when its tokens were made, nobody tells."""
        streamed = self.ask.stream or self.route.method == "WEBSOCKET"
        return self.first_at - self.began if streamed and self.first_at is not None else None

    @property
    def answer_status(self) -> int:
        """The status that the model server answered with."""
        return self.answer.status if self.answer else 0

    def waiting_for(self) -> str:
        """What the caller waits for, in the words of a comment."""
        if self.place is not None and not self.place.running:
            return f"queued position={self.place.position}"
        return "loading model or reading the prompt"

    async def end(self, outcome: str, status: int, limits: RateLimits, ledger: Ledger) -> None:
        """Gives everything back and writes the row; the first call's outcome counts."""
        if self.ended:
            return
        self.ended, self.ended_at = True, time.monotonic()
        self.outcome, self.status = outcome, status
        if self.opened_at and self.route.takes_slot:
            self.usage = self.meter.usage
        used = self.usage.total
        if self.answer is not None:
            if outcome == "ok":
                self.answer.release()
            else:
                self.leaving = self.answer.abort()
        if self.place is not None:
            self._leave(self.place, used)
        committed = ledger.record(self._row()) if self.key is not None else None
        if self.reservation is not None:
            await limits.settle(self.reservation, used)
        if committed is not None:
            await committed

    def _leave(self, place: Place, used: int) -> None:
        """Gives the slot back, when the model server has really let go of the request."""
        if self.leaving is None or self.leaving.done():
            place.leave(used)
        else:
            self.leaving.add_done_callback(lambda _: place.leave(used))

    def _row(self) -> Row:
        assert self.key is not None  # noqa: S101 (checked by the only caller)
        now = self.ended_at
        usage, first_s = self.usage, self.first_token_s
        return Row(
            request_id=self.request_id,
            began_at=datetime.fromtimestamp(time.time() - (now - self.began), UTC),
            owner=self.key.owner,
            key_name=self.key.name,
            route=self.route.path,
            model=self.ask.model[:200],
            upstream=self.server,
            outcome=self.outcome,
            status=self.status,
            prompt_tokens=usage.prompt_tokens,
            completion_tokens=usage.completion_tokens,
            estimated=not usage.exact,
            queue_ms=milliseconds(self.queue_s),
            first_token_ms=None if first_s is None else milliseconds(first_s),
            duration_ms=milliseconds(now - self.began),
        )
