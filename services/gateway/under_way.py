"""The requests that run or wait in this gateway right now, for people who watch what happens.

Owns the list and the words for how far a request is. It holds `visit.Visit`s between their key and
their end, never a body: a row says as much as the ledger's will. Use it on the event loop.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from gateway.visit import Visit, milliseconds


class State(StrEnum):
    """How far a request is: `starting` until the first piece of its answer, whatever delays it."""

    QUEUED = "queued"
    STARTING = "starting"
    ANSWERING = "answering"


@dataclass(frozen=True, slots=True)
class RunningRow:
    """One request that has not ended. `position`: its place in line; tokens are counted so far."""

    request_id: str
    began_at: datetime
    key: str
    model: str
    route: str
    state: State
    position: int | None
    completion_tokens: int
    first_token_ms: float | None
    elapsed_ms: float


class UnderWay:
    """Every request from the moment its key is known."""

    def __init__(self) -> None:
        self._visits: set[Visit] = set()

    def enter(self, visit: Visit) -> None:
        """It has a key: from now on its owner may see it."""
        self._visits.add(visit)

    def leave(self, visit: Visit) -> None:
        """It is over. Any number of calls, also for one that never entered."""
        self._visits.discard(visit)

    def rows(
        self, owner: str | None = None, model: str = "", *, looks: bool = True
    ) -> list[RunningRow]:
        """Those of an owner, or all; the one that began last first, as in the ledger's list.

        `looks`: also those that name no model, such as looks at the list of models.
        """
        now, time_now = time.monotonic(), datetime.now(UTC)
        shown = [
            _row(visit, now, time_now)
            for visit in sorted(self._visits, key=lambda visit: visit.began, reverse=True)
            if not visit.ended and visit.key is not None and owner in (None, visit.key.owner)
        ]
        return [row for row in shown if model in ("", row.model) and (looks or row.model)]

    def __repr__(self) -> str:
        return f"<UnderWay [{len(self._visits)}]>"


def _row(visit: Visit, now: float, time_now: datetime) -> RunningRow:
    place, first_at, first_s = visit.place, visit.first_at, visit.first_token_s
    position = place.position if place is not None and not place.running else None
    state = State.STARTING if first_at is None else State.ANSWERING
    return RunningRow(
        request_id=visit.request_id,
        began_at=time_now - timedelta(seconds=now - visit.began),
        key=visit.key.name if visit.key else "",
        model=visit.ask.model[:200],
        route=visit.route.path,
        state=state if position is None else State.QUEUED,
        position=position,
        completion_tokens=0 if first_at is None else visit.meter.usage.completion_tokens,
        first_token_ms=None if first_s is None else milliseconds(first_s),
        elapsed_ms=milliseconds(now - visit.began),
    )
