"""What an answer waits for before its first token: a place in line, or a model that is loading.

Owns: the value and its words. Who waits, and for how long, is the answer's.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from chat_client.model_loading import LoadProgress

_QUEUED = re.compile(r"queued position=(\d+)")


@dataclass(frozen=True, slots=True)
class Waiting:
    """`place` in line counts from 1, 0 when there is no line; `loading` while a model loads."""

    place: int = 0
    loading: LoadProgress | None = None

    @property
    def line(self) -> str:
        """For example `Waiting in line: 2nd`; empty when the model itself is waited for."""
        if self.loading is not None:
            share = "" if self.loading.share is None else f" · {self.loading.share:.0%}"
            return f"Loading the model{share} · {int(self.loading.seconds)} s"
        return f"Waiting in line: {ordinal(self.place)}" if self.place else ""


def queued_place(comment: str) -> int:
    """The place that the gateway tells in a comment of its stream, else 0."""
    found = _QUEUED.search(comment)
    return int(found[1]) if found else 0


def ordinal(place: int) -> str:
    """1st, 2nd, 3rd, 4th, …"""
    suffix = "th" if 10 <= place % 100 <= 20 else {1: "st", 2: "nd", 3: "rd"}.get(place % 10, "th")
    return f"{place}{suffix}"
