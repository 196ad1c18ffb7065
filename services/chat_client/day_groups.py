"""Conversations by day, as a side panel lists them.

Owns: the groups' names and order. Days are those that the room told for the person's time zone.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from chat_client.room_values import Summary

MONTHS = "January February March April May June July August September October November December"


@dataclass(frozen=True, slots=True)
class DayGroup:
    """One heading and what stands below it, the latest first."""

    name: str
    conversations: tuple[Summary, ...]


def by_day(
    conversations: Iterable[Summary], utc_offset_minutes: int = 0, today: date | None = None
) -> list[DayGroup]:
    """Pinned, Today, Yesterday, Previous 7 days, then one group a month; empty ones left out."""
    today = today or (datetime.now(UTC) + timedelta(minutes=utc_offset_minutes)).date()
    groups: dict[str, list[Summary]] = {}
    for conversation in conversations:
        groups.setdefault(_heading(conversation, today), []).append(conversation)
    return [DayGroup(name, tuple(members)) for name, members in groups.items()]


def _heading(conversation: Summary, today: date) -> str:
    if conversation.pinned:
        return "Pinned"
    day = conversation.day or conversation.updated_at.date()
    age = (today - day).days
    if age <= 0:
        return "Today"
    if age == 1:
        return "Yesterday"
    if age <= 7:
        return "Previous 7 days"
    return f"{MONTHS.split()[day.month - 1]} {day.year}"
