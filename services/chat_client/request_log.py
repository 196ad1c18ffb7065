"""The gateway's request log: what runs or waits there now, and what ended last.

Owns: its rows as checked values, and the choices of what to show of it. No row holds words.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from chat_client.room_values import Kept

Outcome = Literal["", "ok", "failed"]
# To show as a choice; what it says is OUTCOME_HELP.
OUTCOMES: dict[Outcome, str] = {"": "All", "ok": "Answered", "failed": "Failed"}
OUTCOME_HELP = "Failed: refused, broken off, or left by whoever asked."
ALL_MODELS = "All models"


class RequestRow(Kept):
    """One request that the gateway answered; no words. Times in milliseconds."""

    request_id: str
    began_at: datetime
    key: str
    model: str
    route: str
    outcome: str
    status: int
    prompt_tokens: int
    completion_tokens: int
    estimated: bool
    queue_ms: float
    first_token_ms: float | None
    duration_ms: float

    @property
    def ok(self) -> bool:
        """Whether the caller got a whole answer."""
        return self.outcome == "ok"


class RunningRow(Kept):
    """One request that runs or waits in the gateway; tokens and times are those until now."""

    request_id: str
    began_at: datetime
    key: str
    model: str
    route: str
    state: str
    position: int | None
    completion_tokens: int
    first_token_ms: float | None
    elapsed_ms: float

    @property
    def words(self) -> str:
        """How far it is, for example `in line, place 2`."""
        return self.state if self.position is None else f"in line, place {self.position}"


class RequestLog(Kept):
    """What runs and the newest requests that ended, the latest first.

    `reach` "own": only those of the key that asked.
    """

    reach: Literal["own", "all"]
    running: tuple[RunningRow, ...] = ()
    data: tuple[RequestRow, ...]

    @property
    def models(self) -> list[str]:
        """Every model that was asked for, to choose from."""
        names = {row.model for row in self.running} | {row.model for row in self.data}
        return sorted(names - {""})
