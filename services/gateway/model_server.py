"""Whether the model server answers, for the landing page and `/readyz`.

Owns one short-lived probe, remembered for a second, so that many open pages ask the model server
once. Of several servers all are asked; the first that answers speaks for them. It decides nothing
about requests: those find out for themselves.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import Literal

import orjson

from gateway.errors import GatewayError
from gateway.upstreams import Upstreams
from gateway.watched_server import WatchedServer

REMEMBER_S = 1.0
PROBE_TIMEOUT_S = 2.0
Kind = Literal["lmstudio", "engine", "other", "away"]


@dataclass(frozen=True, slots=True)
class ModelServerState:
    """What the last probe saw: `reason` says why it is away, `answering` how many of `servers` are
    not.
    """

    kind: Kind
    reason: str = ""
    answering: int = 0
    servers: int = 1

    @property
    def answers(self) -> bool:
        return self.kind != "away"


class ModelServerProbe:
    """Asks `GET /lmstudio-greeting`, the route by which LM Studio's own tools find a server."""

    def __init__(self, upstreams: Upstreams) -> None:
        self._upstreams = upstreams
        self._state = ModelServerState("away", "not asked yet")
        self._asked_at = float("-inf")
        self._asking = asyncio.Lock()

    async def state(self) -> ModelServerState:
        """The present state, at most `REMEMBER_S` old; takes `PROBE_TIMEOUT_S` at most."""
        async with self._asking:
            if time.monotonic() - self._asked_at > REMEMBER_S:
                self._state = await self._ask()
                self._asked_at = time.monotonic()
            return self._state

    async def _ask(self) -> ModelServerState:
        names = self._upstreams.names
        states = await asyncio.gather(*(_greet(self._upstreams.one(name)) for name in names))
        if len(states) == 1:
            return states[0]
        answering = [state.kind for state in states if state.answers]
        kind: Kind = answering[0] if answering else "away"  # their names are nobody's business
        return ModelServerState(kind, "", len(answering), len(states))


async def _greet(server: WatchedServer) -> ModelServerState:
    try:
        async with asyncio.timeout(PROBE_TIMEOUT_S):
            answer = await server.open("GET", "/lmstudio-greeting", {}, b"")
            try:
                body = await answer.read()
            finally:
                answer.abort()
    except GatewayError as error:
        return ModelServerState("away", error.message)
    except TimeoutError:
        return ModelServerState("away", f"it did not answer within {PROBE_TIMEOUT_S:g} s")
    return ModelServerState(_kind(answer.headers.get("x-lectern-engine", ""), body))


def _kind(engine_header: str, body: bytes) -> Kind:
    if engine_header:
        return "engine"
    try:
        greeting = orjson.loads(body)
    except orjson.JSONDecodeError:
        return "other"
    return "lmstudio" if isinstance(greeting, dict) and greeting.get("lmstudio") else "other"
