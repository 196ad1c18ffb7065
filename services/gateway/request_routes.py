"""`/lectern/requests`: the ledger's newest rows, for people who watch what happens.

Owns the route, its query, and who sees whose rows: a key its own; all of them for the scopes
`admin` and `requests:read`. No row holds words or a key. Nothing here is on a request's path.
"""

from __future__ import annotations

from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Security
from fastapi.security import HTTPBearer
from pydantic import BaseModel
from sqlalchemy import Engine, or_, select

from gateway.admin_gate import gated_by
from gateway.error_body import answers
from gateway.key_check import KeyCheck
from gateway.keys import Key, Scope
from gateway.schema import requests

MOST_ROWS = 200
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
    """The newest requests, the one that began last first."""

    object: str = "list"
    reach: Reach
    data: list[RequestRow]


def request_routes(database: Engine, check: KeyCheck) -> APIRouter:
    """The request log; any key may ask."""
    router = APIRouter(
        tags=["usage"],
        route_class=gated_by(check, None),
        responses=answers(400),
        dependencies=[Security(HTTPBearer(auto_error=False, description="any key"))],
    )

    @router.get("/lectern/requests", summary="The newest requests: your own key's, or all")
    def newest(
        request: Request,
        limit: Annotated[int, Query(ge=1, le=MOST_ROWS)] = 50,
        looks: Annotated[
            bool, Query(description="false leaves out looks at lists of models that went well")
        ] = True,
    ) -> RequestList:
        key: Key = request.scope["lectern.key"]
        reach = Reach.ALL if key.scopes & SEES_ALL else Reach.OWN
        owner = key.owner if reach is Reach.OWN else None
        rows = newest_rows(database, limit, owner, looks=looks)
        return RequestList(reach=reach, data=[RequestRow(**row) for row in rows])

    return router


def newest_rows(
    database: Engine, limit: int, owner: str | None = None, *, looks: bool = True
) -> list[dict[str, Any]]:
    """The requests that began last; both orders are an index's, so a long ledger costs no more."""
    columns = [
        requests.c.key_name.label("key") if name == "key" else requests.c[name]
        for name in RequestRow.model_fields
    ]
    query = select(*columns).order_by(requests.c.began_at.desc()).limit(limit)
    if owner is not None:
        query = query.where(requests.c.owner == owner)
    if not looks:
        query = query.where(or_(requests.c.model != "", requests.c.outcome != "ok"))
    with database.connect() as connection:
        rows = [dict(row._mapping) for row in connection.execute(query)]
    for row in rows:
        if row["began_at"].tzinfo is None:
            row["began_at"] = row["began_at"].replace(tzinfo=UTC)  # SQLite forgets it
    return rows
