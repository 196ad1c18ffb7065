"""`/lectern/requests`: what runs now and the ledger's newest rows, for people who watch it.

Owns the route, its query, and who sees whose rows: a key its own; all of them for the scopes
`admin` and `requests:read`. No row holds words or a key. Nothing here is on a request's path.
"""

from __future__ import annotations

from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Security
from fastapi.concurrency import run_in_threadpool
from fastapi.security import HTTPBearer
from pydantic import BaseModel, Field
from sqlalchemy import Engine, or_, select
from sqlalchemy.sql.base import ReadOnlyColumnCollection

from gateway.admin_gate import gated_by
from gateway.error_body import answers
from gateway.key_check import KeyCheck
from gateway.keys import Key, Scope
from gateway.schema import requests
from gateway.under_way import RunningRow, UnderWay

MOST_ROWS = 200
LOOKED_THROUGH = 10_000  # the newest rows that `outcome` and `model` pick from
FAILED = "failed"
SEES_ALL = {Scope.ADMIN, Scope.REQUESTS_READ}


class Reach(StrEnum):
    """Whose requests are listed."""

    OWN = "own"
    ALL = "all"


class RequestRow(BaseModel):
    """One request that has ended. Times in milliseconds; `estimated`: the tokens were guessed."""

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


class RequestList(BaseModel):
    """Requests, the one that began last first: those that run or wait now, and the newest ended."""

    object: str = "list"
    reach: Reach
    running: list[RunningRow]
    data: list[RequestRow]


class Wanted(BaseModel):
    """Which rows to list, as the query says it."""

    limit: int = Field(50, ge=1, le=MOST_ROWS)
    looks: bool = Field(
        True, description="false leaves out looks at lists of models that went well"
    )
    outcome: str = Field(
        "",
        max_length=40,
        description=f"only rows that ended so, such as `ok`; `{FAILED}`: all that did not end `ok`",
    )
    model: str = Field("", max_length=200, description="only requests for this model")


def request_routes(database: Engine, under_way: UnderWay, check: KeyCheck) -> APIRouter:
    """The request log; any key may ask."""
    router = APIRouter(
        tags=["usage"],
        route_class=gated_by(check, None),
        responses=answers(400),
        dependencies=[Security(HTTPBearer(auto_error=False, description="any key"))],
    )

    @router.get(
        "/lectern/requests", summary="What runs and the newest requests: your own key's, or all"
    )
    async def newest(request: Request, wanted: Annotated[Wanted, Query()]) -> RequestList:
        key: Key = request.scope["lectern.key"]
        reach = Reach.ALL if key.scopes & SEES_ALL else Reach.OWN
        owner = key.owner if reach is Reach.OWN else None
        # Before the ledger: what ends meanwhile is in both lists rather than in none.
        running = under_way.rows(owner, wanted.model, looks=wanted.looks)
        if wanted.outcome:
            running = []  # they have none yet
        rows = await run_in_threadpool(newest_rows, database, wanted, owner)
        ended = {row["request_id"] for row in rows}
        return RequestList(
            reach=reach,
            running=[row for row in running if row.request_id not in ended],
            data=[RequestRow(**row) for row in rows],
        )

    return router


def newest_rows(database: Engine, wanted: Wanted, owner: str | None = None) -> list[dict[str, Any]]:
    """The requests that began last; both orders are an index's, so a long ledger costs no more."""
    newest = select(requests).order_by(requests.c.began_at.desc())
    if owner is not None:
        newest = newest.where(requests.c.owner == owner)
    if wanted.outcome or wanted.model:  # no index has them: nobody walks through the whole ledger
        newest = newest.limit(LOOKED_THROUGH)
    rows = newest.subquery().c
    columns = [
        rows.key_name.label("key") if name == "key" else rows[name]
        for name in RequestRow.model_fields
    ]
    query = select(*columns).where(*_conditions(rows, wanted))
    query = query.order_by(rows.began_at.desc()).limit(wanted.limit)
    with database.connect() as connection:
        found = [dict(row._mapping) for row in connection.execute(query)]
    for row in found:
        if row["began_at"].tzinfo is None:
            row["began_at"] = row["began_at"].replace(tzinfo=UTC)  # SQLite forgets it
    return found


def _conditions(rows: ReadOnlyColumnCollection[str, Any], wanted: Wanted) -> list[Any]:
    conditions = []
    if not wanted.looks:
        conditions.append(or_(rows.model != "", rows.outcome != "ok"))
    if wanted.outcome == FAILED:
        conditions.append(rows.outcome != "ok")
    elif wanted.outcome:
        conditions.append(rows.outcome == wanted.outcome)
    if wanted.model:
        conditions.append(rows.model == wanted.model)
    return conditions
