"""`/lectern/usage` and `/lectern/key` for one's own key, `/metrics` for those of the scope `admin`.

Owns these routes. What adds up is `usage_report`'s matter, what is counted `metrics`'s.
"""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response, Security
from fastapi.responses import PlainTextResponse
from fastapi.security import HTTPBearer
from pydantic import BaseModel, Field
from sqlalchemy import Engine

from gateway.admin_gate import gated_by
from gateway.error_body import answers
from gateway.key_check import KeyCheck
from gateway.keys import Scope
from gateway.metrics import Metrics
from gateway.usage_report import By, usage_rows


class UsageRow(BaseModel):
    """What one group of requests used. Times are averages in milliseconds."""

    key: str | None = None
    model: str | None = None
    day: str | None = None
    requests: int
    prompt_tokens: int
    completion_tokens: int
    total_tokens: int
    not_ok: int
    queue_ms: float | None
    first_token_ms: float | None


class OwnKey(BaseModel):
    """What the key that asks may do. No models means every model, a limit of null is no limit."""

    name: str
    scopes: list[Scope]
    models: list[str]
    rpm: int | None = Field(description="requests per minute")
    tpm: int | None = Field(description="tokens per minute")
    concurrency: int | None = Field(description="requests under way at once")
    daily_tokens: int | None = Field(description="tokens per day")
    expires_at: datetime | None


class UsageList(BaseModel):
    """Usage, grouped."""

    object: str = "list"
    data: list[UsageRow]


def usage_routes(database: Engine, check: KeyCheck) -> APIRouter:
    """What the caller's own key used and may do; any key may ask."""
    router = APIRouter(
        tags=["usage"],
        route_class=gated_by(check, None),
        responses=answers(400),
        dependencies=[Security(HTTPBearer(auto_error=False, description="any key"))],
    )

    @router.get(
        "/lectern/usage",
        summary="What your own key used",
        response_model_exclude_unset=True,
    )
    def own_usage(request: Request, by: Annotated[By, Query()] = By.MODEL) -> UsageList:
        owner = request.scope["lectern.key"].owner
        rows = usage_rows(database, by, owner=owner)
        return UsageList(object="list", data=[UsageRow(**row) for row in rows])

    @router.get("/lectern/key", summary="What your own key may do")
    async def own_key(request: Request) -> OwnKey:
        key = request.scope["lectern.key"]
        return OwnKey(
            name=key.name,
            scopes=sorted(key.scopes),
            models=list(key.models),
            **asdict(key.limits),
            expires_at=key.expires_at,
        )

    return router


def metrics_routes(metrics: Metrics, check: KeyCheck) -> APIRouter:
    """Counters for Prometheus, which sends a key as its bearer token."""
    router = APIRouter(tags=["metrics"], route_class=gated_by(check), responses=answers(403))

    @router.get("/metrics", summary="Counters for Prometheus", response_class=PlainTextResponse)
    async def page() -> Response:
        from gateway.metrics_page import metrics_page

        return Response(
            metrics_page(metrics), media_type="text/plain; version=0.0.4; charset=utf-8"
        )

    return router
