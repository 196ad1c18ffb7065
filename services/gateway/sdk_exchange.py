"""One call or channel of an `lmstudio` SDK, from its first frame to its ledger row.

Owns the order of things, the same as for a request by HTTP: key, model, limits, slot, model server,
row, end. `Exchange.run` tells it. What it must give back hangs on `visit.Visit`.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from gateway.errors import (
    Defect,
    GatewayError,
    LedgerAway,
    ModelServerSilent,
    RouteUnknown,
    outcome_of,
    status_of,
)
from gateway.key_check import need_scope
from gateway.keys import Key, Scope
from gateway.relay import Parts
from gateway.routes import RelayedRoute
from gateway.sdk_frames import (
    CHANNEL,
    RPC,
    Opening,
    cancel,
    is_error,
    is_last,
    message_of,
    no_progress,
    refusal,
    without_trace,
)
from gateway.sdk_models import SdkModels, scope_of
from gateway.sdk_rules import Rule
from gateway.sdk_upstream import SdkUpstream
from gateway.sdk_usage import count, estimated
from gateway.usage import Usage
from gateway.visit import Visit

# The JavaScript SDK embeds a list of texts as so many calls at once; the rest wait here, or they
# would fill their key's line.
EMBEDDINGS_AT_ONCE = 4
log = logging.getLogger(__name__)


class Cancelled(GatewayError):
    """The caller cancelled while its prediction waited in line."""

    status, type, code = 499, "cancelled", "cancelled"


@dataclass(frozen=True, slots=True)
class Link:
    """What the exchanges of one connection share."""

    namespace: str
    parts: Parts
    models: SdkModels
    upstream: SdkUpstream
    check: Callable[[], Awaitable[Key]]
    tell: Callable[[str], Awaitable[None]]
    embeddings: asyncio.Semaphore = field(
        default_factory=lambda: asyncio.Semaphore(EMBEDDINGS_AT_ONCE)
    )


class Exchange:
    """A call or a channel. `run` it in a task of its own; the other methods are told of news."""

    def __init__(self, link: Link, opening: Opening, rule: Rule | None) -> None:
        self._link = link
        self._opening = opening
        self._rule = rule
        self._visit = Visit(rule.route if rule else _unknown(link.namespace))
        self._task: asyncio.Task[object] | None = None
        self._sent = False
        self._heard_at = 0.0
        self._ended = asyncio.Event()
        self._outcome = ("ok", 200)
        self._rest: deque[str] = deque()  # the last frame and what follows: they wait for the row
        self._through = False
        self._failure: GatewayError | None = None

    async def run(self) -> None:
        """The story of a call."""
        link, visit = self._link, self._visit
        self._task = asyncio.current_task()
        link.parts.drain.count_in()
        try:
            link.parts.drain.refuse_if_begun()
            visit.key = key = await link.check()
            link.parts.under_way.enter(visit)
            if scope := scope_of(self._opening, self._rule):
                need_scope(key, scope)
            await self._serve(key)
        except GatewayError as error:
            await self._refuse(error)
        except asyncio.CancelledError:
            if self._failure is None or self._task is None:
                raise  # the caller left
            self._task.uncancel()
            await self._refuse(self._failure)
        except Exception:
            log.exception("a defect", extra={"fields": {"request_id": visit.request_id}})
            await self._refuse(Defect())
        finally:
            await self._end("caller_left", 0)
            link.parts.under_way.leave(visit)
            link.parts.drain.count_out()
            link.parts.metrics.note(visit)
            link.parts.log.note(visit)

    async def _serve(self, key: Key) -> None:
        """From a call that is let in to the last frame of its answer."""
        link, rule = self._link, self._rule
        if rule is None:
            name = self._opening.endpoint[:100]
            raise RouteUnknown(f"The gateway does not pass on {name!r} of /{link.namespace}.")
        if not link.parts.ledger.accepting:
            raise LedgerAway("Usage cannot be written down right now. Try again in a moment.")
        model = await link.models.name(self._opening, rule, key)
        self._visit.ask = estimated(self._opening, model, rule.works)
        in_turn = rule.works and self._opening.kind == RPC
        async with link.embeddings if in_turn else contextlib.nullcontext():
            if rule.works:
                await self._admit(key, model)
            self._begin(rule)
            await link.upstream.send(self._opening.text)
            self._opening.text, self._opening.document = "", {}
            await self._answered()
            await self._end(*self._outcome)
        while self._rest:
            await link.tell(self._rest.popleft())
        self._through = True

    async def _admit(self, key: Key, model: str) -> None:
        """Limits and a slot."""
        parts, visit = self._link.parts, self._visit
        visit.reservation = await parts.limits.reserve(key, visit.ask.cost)
        visit.place = place = parts.admission.enter(key, model, visit.ask.cost)
        if place.running:
            return
        entered = time.monotonic()
        beat = asyncio.create_task(self._beat())
        try:
            await place.wait(parts.settings.gateway_queue_timeout_s)
        finally:
            beat.cancel()
            visit.queue_s = time.monotonic() - entered

    async def _beat(self) -> None:
        """The SDKs give up after a minute without a message."""
        if self._opening.endpoint not in ("predict", "completeRawText"):
            return
        while True:
            await asyncio.sleep(self._link.parts.settings.gateway_heartbeat_s)
            await self._link.tell(no_progress(self._opening.number))

    def _begin(self, rule: Rule) -> None:
        visit = self._visit
        self._heard_at = visit.opened_at = time.monotonic()
        visit.meter.usage = Usage(visit.ask.prompt_tokens, exact=not rule.works)
        self._sent = True

    async def _answered(self) -> None:
        """Waits for the last frame; raises `ModelServerSilent` when nothing comes for too long."""
        silence_s = self._link.parts.settings.gateway_answer_timeout_s
        while not self._ended.is_set():
            left_s = self._heard_at + silence_s - time.monotonic()
            if left_s <= 0:
                if self._opening.kind == CHANNEL:
                    await self._link.upstream.send(cancel(self._opening.number))
                raise ModelServerSilent("The model server stopped talking in mid-answer.")
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(left_s):
                    await self._ended.wait()

    # ── news, while it runs ──

    async def from_caller(self, document: dict[str, Any], text: str) -> None:
        """A frame of the caller for this channel."""
        if self._sent:
            await self._link.upstream.send(text)
        elif message_of(document).get("type") == "cancel":
            self.fail(Cancelled("Cancelled while it waited in line."))

    def from_model_server(self, document: dict[str, Any], text: str) -> bool:
        """Takes note of a frame; True when it is kept, to go out after the ledger has its row."""
        if self._through:
            return False
        if self._ended.is_set():
            self._rest.append(text)
            return True
        self._heard_at = time.monotonic()
        self._visit.note_piece(len(text))
        if self._rule is not None and self._rule.works:
            count(message_of(document), self._visit.meter.usage)
        if not is_last(document):
            return False
        if is_error(document):
            text, self._outcome = without_trace(document, text), ("upstream_error", 502)
        self._rest.append(text)
        self._ended.set()
        return True

    def fail(self, error: GatewayError) -> None:
        """Ends it with an error, unless its end is there already."""
        over = self._failure is not None or self._ended.is_set() or self._visit.ended
        if not over and self._task is not None:
            self._failure = error
            self._task.cancel()

    @property
    def sent(self) -> bool:
        """Whether the model server knows of it."""
        return self._sent

    async def _refuse(self, error: GatewayError) -> None:
        await self._end(outcome_of(error), status_of(error))
        names = self._link.parts.models.usable(self._visit.key) if self._visit.key else []
        frame = refusal(self._opening.kind, self._opening.number, error, names)
        self._through = True
        await self._link.tell(frame)

    async def _end(self, outcome: str, status: int) -> None:
        await self._visit.end(outcome, status, self._link.parts.limits, self._link.parts.ledger)

    def __repr__(self) -> str:
        state = "sent" if self._sent else "waiting"
        return f"<Exchange {self._opening.kind} {self._opening.number} [{state}]>"


def _unknown(namespace: str) -> RelayedRoute:
    """What the ledger calls an endpoint that does not pass: its name is the caller's invention."""
    return RelayedRoute("WEBSOCKET", f"/{namespace}", Scope.MODELS_READ)
