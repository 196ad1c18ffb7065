"""Conversations under the headings of a side panel."""

from __future__ import annotations

from datetime import UTC, date, datetime

from chat_client.day_groups import by_day
from chat_client.room_values import Summary


def conversation(id_: str, day: date, pinned: bool = False) -> Summary:
    moment = datetime(day.year, day.month, day.day, 12, tzinfo=UTC)
    return Summary(
        id=id_,
        title=id_,
        pinned=pinned,
        version=1,
        message_count=0,
        created_at=moment,
        updated_at=moment,
        day=day,
    )


def test_each_stands_under_its_day() -> None:
    days = {
        "old and pinned": date(2025, 1, 1),
        "tomorrow, by a clock that is wrong": date(2026, 6, 21),
        "today": date(2026, 6, 20),
        "yesterday": date(2026, 6, 19),
        "a week ago": date(2026, 6, 13),
        "this month": date(2026, 6, 12),
        "last month": date(2026, 5, 31),
        "a year ago": date(2025, 5, 31),
    }
    kept = [conversation(name, day, "pinned" in name) for name, day in days.items()]
    groups = by_day(kept, today=date(2026, 6, 20))
    assert {group.name: [each.id for each in group.conversations] for group in groups} == {
        "Pinned": ["old and pinned"],
        "Today": ["tomorrow, by a clock that is wrong", "today"],
        "Yesterday": ["yesterday"],
        "Previous 7 days": ["a week ago"],
        "June 2026": ["this month"],
        "May 2026": ["last month"],
        "May 2025": ["a year ago"],
    }
    assert by_day([]) == []
