"""One relayed request, told by one function: `Relay.__call__`.

Owns the order of things: key, body, model, limits, slot, model server, first piece, the rest, the
end. A plain ASGI endpoint inside the FastAPI app: bytes pass untouched unless an alias or usage
asks for a change. What must be given back hangs on `visit.Visit`.
"""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass
from urllib.parse import quote

from starlette.types import Receive, Scope, Send

from gateway.admission import Admission
from gateway.ask import read_ask, refuse_second_model, with_model
from gateway.caller import Caller, CallerLeft
from gateway.drain import Drain
from gateway.errors import (
    Defect,
    GatewayError,
    LedgerAway,
    ModelServerError,
    outcome_of,
    status_of,
)
from gateway.heartbeat import Heartbeat
from gateway.key_check import KeyCheck, need_scope
from gateway.ledger import Ledger
from gateway.metrics import Metrics
from gateway.models import Models
from gateway.passage import pass_on
from gateway.rate_limits import RateLimits
from gateway.request_log import RequestLog
from gateway.routes import RelayedRoute
from gateway.settings import GatewaySettings
from gateway.under_way import UnderWay
from gateway.upstreams import Upstreams
from gateway.usage import UsageMeter
from gateway.visit import Visit

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Parts:
    """The gateway's parts that a request meets, in the order in which it meets them."""

    settings: GatewaySettings
    drain: Drain
    metrics: Metrics
    check: KeyCheck
    under_way: UnderWay
    models: Models
    limits: RateLimits
    admission: Admission
    upstreams: Upstreams
    ledger: Ledger
    log: RequestLog


class Relay:
    """The ASGI endpoint of one route."""

    def __init__(self, route: RelayedRoute, parts: Parts) -> None:
        self._route = route
        self._parts = parts
        self._plain = "" if "{" in route.path else route.path

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The story of a request."""
        parts, visit = self._parts, Visit(self._route)
        caller = Caller(scope, receive, send, visit)
        parts.drain.count_in()
        try:
            parts.drain.refuse_if_begun()
            visit.key = await parts.check.check(caller.key, caller.address, None)
            parts.under_way.enter(visit)
            need_scope(visit.key, self._route.scope)  # now: who may not ask leaves a row, too
            body = await caller.read_body(parts.settings.gateway_max_body_bytes)
            visit.ask = read_ask(body, self._route)
            async with caller:
                await self._serve(scope, caller, visit)
        except GatewayError as error:
            visit.failed_at = error.server
            if visit.opened_at and isinstance(error, ModelServerError):
                visit.meter.refused()
            await self._end(visit, outcome_of(error), status_of(error))
            await caller.fail(error, self._route.protocol)
        except CallerLeft:
            pass  # before its body had arrived: nothing was asked of anybody
        except Exception:
            log.exception("a defect", extra={"fields": {"request_id": visit.request_id}})
            await self._end(visit, "internal_error", 500)
            await caller.fail(Defect(), self._route.protocol)
        finally:
            if not visit.ended:
                await self._end(visit, "caller_left" if caller.left else "cut", caller.status)
            parts.under_way.leave(visit)
            parts.drain.count_out()
            parts.metrics.note(visit)
            parts.log.note(visit)

    async def _serve(self, scope: Scope, caller: Caller, visit: Visit) -> None:
        """From a request that is understood to the last byte of its answer."""
        parts = self._parts
        if not parts.ledger.accepting:
            raise LedgerAway("Usage cannot be written down right now. Try again in a moment.")
        await self._admit(caller, visit)
        visit.opened_at = time.monotonic()
        visit.meter = UsageMeter(len(visit.ask.body))
        beat = self._heartbeat(caller, visit)
        try:
            visit.answer = await parts.upstreams.open(
                self._route.method,
                target(scope, self._plain),
                caller.forwarded_headers(),
                visit.ask.body,
                among=parts.models.servers(visit.ask.model or named_in(scope), self._route.where),
                again=self._route.again,
                on_leaving=visit.note_leaving,
            )
            await pass_on(
                visit, caller, beat, lambda how: self._end(visit, how, visit.answer_status)
            )
        finally:
            if beat is not None:
                await beat.stop()

    async def _admit(self, caller: Caller, visit: Visit) -> None:
        """Model, limits and slot, for the routes that make the model work."""
        parts, key = self._parts, visit.key
        if not self._route.names_model or key is None:
            return
        if key.models:
            refuse_second_model(visit.ask.body)
        model = await parts.models.resolve(visit.ask.model, key)
        if model != visit.ask.model:
            visit.ask = with_model(visit.ask, model)
        if not self._route.takes_slot:
            return
        visit.reservation = await parts.limits.reserve(key, visit.ask.cost)
        visit.place = place = parts.admission.enter(key, model, visit.ask.cost)
        if place.running:
            return
        entered = time.monotonic()
        beat = self._heartbeat(caller, visit)
        try:
            await place.wait(parts.settings.gateway_queue_timeout_s)
        finally:
            if beat is not None:
                await beat.stop()
            visit.queue_s = time.monotonic() - entered

    def _heartbeat(self, caller: Caller, visit: Visit) -> Heartbeat | None:
        """A running heartbeat where the caller's stream can carry one."""
        if not visit.ask.stream or caller.header(b"x-lectern-heartbeat").lower() == "off":
            return None
        beat = Heartbeat(caller, self._parts.settings.gateway_heartbeat_s, visit.waiting_for)
        beat.start()
        return beat

    async def _end(self, visit: Visit, outcome: str, status: int) -> None:
        if visit.meter.response_id:  # before the caller can go on from it
            self._parts.upstreams.note_response(visit.meter.response_id, visit.server)
        await visit.end(outcome, status, self._parts.limits, self._parts.ledger)


def named_in(scope: Scope) -> str:
    """The model that a path names, such as that of `/api/v0/models/{model}`, or nothing."""
    return str(scope.get("path_params", {}).get("model", ""))


def target(scope: Scope, plain: str) -> str:
    """The path and query to ask the model server for, encoded anew from what routing decoded.

    `plain`: a path that needs no encoding, since it is a route's own text.
    """
    query, path = scope["query_string"].decode("latin-1"), scope["path"]
    if path != plain:
        path = quote(path, safe="/:@!$&'()*+,;=~-._")
    return f"{path}?{query}" if query else str(path)
