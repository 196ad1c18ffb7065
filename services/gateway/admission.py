"""Waiting for a slot: one fair queue per model, and what a caller is told meanwhile.

Owns the queues' life, the bounded wait and the measured rate behind `Retry-After`. Who is next is
`fair_queue`'s decision.
"""

from __future__ import annotations

import asyncio
import math
import time

from gateway.errors import RateLimited, WaitedTooLong
from gateway.fair_queue import FairQueue, QueueFull, Ticket
from gateway.keys import Key
from gateway.models import Models
from gateway.settings import GatewaySettings

# How much the newest request weighs in the measured time that a slot is held.
NEWEST_WEIGHT = 0.1
MAX_RETRY_AFTER_S = 600


class Place:
    """A caller's ticket, with what it takes to give it back rightly."""

    __slots__ = ("_admission", "_granted", "_started_at", "running", "ticket")

    def __init__(self, admission: Admission) -> None:
        self._admission = admission
        self._started_at = 0.0
        self._granted: asyncio.Future[None] | None = None  # made by who has to wait
        self.running = False
        self.ticket: Ticket | None = None

    def grant(self) -> None:
        """The slot is there; called by the queue."""
        self._started_at = time.monotonic()
        self.running = True
        if self._granted is not None and not self._granted.done():
            self._granted.set_result(None)

    @property
    def position(self) -> int:
        """The place in line; 0 while running."""
        return self.ticket.position if self.ticket else 0

    async def wait(self, timeout_s: float) -> None:
        """Returns when the slot is there; raises `WaitedTooLong` and leaves the line."""
        if self.running:
            return
        self._granted = asyncio.get_running_loop().create_future()
        try:
            async with asyncio.timeout(timeout_s):
                await self._granted
        except TimeoutError:
            self.leave(None)
            raise WaitedTooLong(
                f"No slot came free within {timeout_s:g} s: the model is busy. Try again."
            ) from None

    def leave(self, used_tokens: int | None) -> None:
        """Gives the slot back, or the place in line. Any number of calls; once counts."""
        if self.ticket is not None and not self.ticket.released:
            if self.running:
                self._admission.note_held(time.monotonic() - self._started_at)
            self.ticket.release(used_tokens)


class Admission:
    """The queues of all models."""

    def __init__(self, settings: GatewaySettings, models: Models) -> None:
        self._settings = settings
        self._models = models
        self._queues: dict[str, FairQueue] = {}
        self._held_s = 1.0

    def enter(self, key: Key, model: str, cost: int) -> Place:
        """Joins the line of a model; raises `RateLimited` with an honest `Retry-After`."""
        queue = self._queue(model)
        place = Place(self)
        try:
            place.ticket = queue.enter(key.owner, cost, place.grant)
        except QueueFull as full:
            raise RateLimited(
                f"{full.waiting} requests of this key wait already; that is the limit."
                if full.own
                else f"{full.waiting} requests wait already; that is the limit here.",
                retry_after_s=self.retry_after_s(queue),
            ) from None
        return place

    def retry_after_s(self, queue: FairQueue) -> int:
        """Seconds until the line will have moved on, from how long slots were held so far."""
        slots = max(1, queue.running + queue.free)
        return min(MAX_RETRY_AFTER_S, max(1, math.ceil(queue.waiting * self._held_s / slots)))

    def note_held(self, seconds: float) -> None:
        """Learns how long a slot is held."""
        self._held_s += NEWEST_WEIGHT * (seconds - self._held_s)

    def resize(self) -> None:
        """A model server went away or came back: slots did, too."""
        for model, queue in self._queues.items():
            queue.resize(self._models.slots(model))

    @property
    def queues(self) -> dict[str, FairQueue]:
        """The queue of each model, for metrics."""
        return self._queues

    def _queue(self, model: str) -> FairQueue:
        slots = self._models.slots(model)
        queue = self._queues.get(model)
        if queue is None:
            self._forget_idle()
            queue = FairQueue(
                slots,
                self._settings.gateway_max_waiting,
                self._settings.gateway_max_waiting_per_key,
            )
            self._queues[model] = queue
        elif queue.slots != slots:
            queue.resize(slots)
        return queue

    def _forget_idle(self) -> None:
        """Model names come from requests; what nobody uses must not pile up."""
        idle = [name for name, queue in self._queues.items() if not queue.running + queue.waiting]
        for name in idle:
            del self._queues[name]
