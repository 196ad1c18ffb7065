"""One model server and what is known of it: whether it is there, and how much it has to do.

Owns its breaker, its count of requests under way, the health checks and the line in the log when it
goes away or comes back. Asking it is `upstream`'s matter, choosing among several `upstreams`'s.
"""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Callable, Mapping

from gateway.breaker import Breaker, State
from gateway.errors import GatewayError, ModelServerAway
from gateway.upstream import Answer, Closing, Upstream

HEALTH_EVERY_S = 4.0
HEALTH_TIMEOUT_S = 2.0
# What a server in front of a model says when it cannot pass a request on, or a model server that is
# still starting. 500 is left out: a request can bring that about, and must not close the door to
# others. So is 504: its model may still be at work.
UNABLE = (502, 503)
log = logging.getLogger(__name__)


class WatchedServer:
    """A model server; `on_change` is called when it went away or came back."""

    def __init__(self, upstream: Upstream, on_change: Callable[[], None]) -> None:
        self.upstream = upstream
        self.name = upstream.name
        self.breaker = Breaker()
        self.running = 0
        self.failures = 0
        self._on_change = on_change

    async def open(
        self,
        method: str,
        path: str,
        headers: Mapping[str, str],
        body: bytes,
        on_leaving: Callable[[Closing], None] | None = None,
        again: bool = True,
    ) -> Answer:
        """`Upstream.open`; what comes of it is noted."""
        self.running += 1
        try:
            answer = await self.upstream.open(method, path, headers, body, on_leaving, again)
        except BaseException as error:
            self.running -= 1
            if isinstance(error, ModelServerAway):
                self._failed(error.message)
            raise
        answer.on_end = self._note_end
        if answer.status in UNABLE:
            self._failed(f"It answers with status {answer.status}.")
        elif not self.breaker.spotless:
            self._answered()
        return answer

    async def follow(self) -> None:
        """Asks for its models now and then, so that its absence costs no request."""
        while True:
            wait_s = HEALTH_EVERY_S
            if not self.breaker.closed:
                wait_s = self.breaker.wait_s(time.monotonic())
            await asyncio.sleep(wait_s * random.uniform(1, 1.4))  # noqa: S311 (not all at once)
            try:
                async with asyncio.timeout(HEALTH_TIMEOUT_S):
                    await self._check()
            except TimeoutError:
                self._failed(f"It did not list its models within {HEALTH_TIMEOUT_S:g} s.")
            except GatewayError:
                pass  # noted already

    async def _check(self) -> None:
        answer = await self.open("GET", "/v1/models", {}, b"")
        try:
            while await answer.read():
                pass
        finally:
            answer.release()

    @property
    def state(self) -> State:
        """What its breaker says now."""
        return self.breaker.state(time.monotonic())

    def _note_end(self) -> None:
        self.running -= 1

    def _answered(self) -> None:
        came_back = not self.breaker.closed
        self.breaker.succeeded()
        if came_back:
            log.info("the model server %r answers again", self.name)
            self._on_change()

    def _failed(self, reason: str) -> None:
        was_there = self.breaker.closed
        self.failures += 1
        self.breaker.failed(time.monotonic())
        if was_there and not self.breaker.closed:
            log.warning("the model server %r does not answer any more: %s", self.name, reason)
            self._on_change()

    def __repr__(self) -> str:
        return f"<WatchedServer {self.name} [{self.running} running, {self.breaker!r}]>"
