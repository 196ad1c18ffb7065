"""A second as text, for what many requests write within the same one.

Owns the one thing that costs something there: a second is put into words once. Its fraction and its
time zone (it is UTC) are added by whoever writes.
"""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache


@lru_cache(maxsize=8)
def second_text(seconds: int, between: str = "T") -> str:
    """A time since the epoch as `2026-11-28T05:51:57`; `between` stands for the `T`."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(between)[:19]
