"""What the ledger adds up to: by key, by model or by day.

Owns the one query behind `lectern usage` and `/lectern/usage`. Reading blocks; call it off the
event loop.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Engine, String, case, cast, func, select

from gateway.schema import requests


class By(StrEnum):
    """What rows are grouped by."""

    KEY = "key"
    MODEL = "model"
    DAY = "day"


_COLUMNS = {
    By.KEY: requests.c.key_name,
    By.MODEL: requests.c.model,
    # Both SQLite's text and PostgreSQL's timestamps begin with the day.
    By.DAY: func.substr(cast(requests.c.began_at, String), 1, 10),
}


def usage_rows(
    database: Engine, by: By = By.KEY, *, key_name: str | None = None, owner: str | None = None
) -> list[dict[str, Any]]:
    """One row per group, most tokens first (days in order). Times are averages in milliseconds."""
    group = _COLUMNS[by].label(by.value)
    tokens = func.sum(requests.c.prompt_tokens + requests.c.completion_tokens)
    query = select(
        group,
        func.count().label("requests"),
        func.sum(requests.c.prompt_tokens).label("prompt_tokens"),
        func.sum(requests.c.completion_tokens).label("completion_tokens"),
        tokens.label("total_tokens"),
        func.sum(case((requests.c.outcome == "ok", 0), else_=1)).label("not_ok"),
        func.round(cast(func.avg(requests.c.queue_ms), requests.c.queue_ms.type)).label("queue_ms"),
        func.round(cast(func.avg(requests.c.first_token_ms), requests.c.first_token_ms.type)).label(
            "first_token_ms"
        ),
    ).group_by(group)
    if key_name is not None:
        query = query.where(requests.c.key_name == key_name)
    if owner is not None:
        query = query.where(requests.c.owner == owner)
    query = query.order_by(group if by is By.DAY else tokens.desc())
    with database.connect() as connection:
        return [dict(row._mapping) for row in connection.execute(query)]


def tokens_since(database: Engine, moment: datetime) -> dict[str, int]:
    """The tokens that each owner used in requests that began at `moment` or later."""
    tokens = func.sum(requests.c.prompt_tokens + requests.c.completion_tokens)
    query = (
        select(requests.c.owner, tokens)
        .where(requests.c.began_at >= moment)
        .group_by(requests.c.owner)
    )
    with database.connect() as connection:
        return {str(owner): int(total) for owner, total in connection.execute(query)}
