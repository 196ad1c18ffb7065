"""Builds the gateway: its parts, their life, its routes, its answers to errors.

Owns the wiring and nothing else. Importing it connects to nothing.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Callable

from fastapi import APIRouter, FastAPI, Request
from fastapi.responses import JSONResponse
from sqlalchemy import Engine
from starlette.exceptions import HTTPException
from starlette.routing import Route

from gateway.admission import Admission
from gateway.aliases import Aliases
from gateway.database import open_database
from gateway.demo_key import make_ui_key
from gateway.drain import Drain
from gateway.error_shape import body_of, headers_of
from gateway.errors import (
    BadRequest,
    Defect,
    GatewayError,
    MethodRefused,
    RouteUnknown,
    status_of,
)
from gateway.failure_throttle import FailureThrottle
from gateway.front import Front
from gateway.key_check import KeyCheck
from gateway.key_mark import KeyMark
from gateway.key_store import KeyStore
from gateway.key_table import KeysUnavailable, KeyTable
from gateway.landing import landing_routes
from gateway.ledger import Ledger
from gateway.limit_store import open_limits
from gateway.metrics import Metrics
from gateway.model_list import MergedList, ModelList
from gateway.model_server import ModelServerProbe
from gateway.models import Models
from gateway.pepper import load_pepper
from gateway.relay import Parts, Relay
from gateway.request_log import RequestLog
from gateway.request_routes import request_routes
from gateway.routes import RELAYED, RelayedRoute, protocol_of
from gateway.sdk_routes import include_sdk
from gateway.settings import GatewaySettings
from gateway.under_way import UnderWay
from gateway.upkeep import kept_up
from gateway.upstreams import Upstreams
from gateway.usage_routes import metrics_routes, usage_routes

OWN = ("/lectern/",)
log = logging.getLogger(__name__)


def make_app(settings: GatewaySettings, drain: Drain | None = None) -> FastAPI:
    """The gateway as an ASGI app; opens the database, connects to nothing else before it runs."""
    drain = drain or Drain(settings.gateway_drain_s)
    database = open_database(settings)
    pepper = load_pepper(settings)
    store = KeyStore(database, pepper, KeyMark(settings.gateway_data_dir))
    make_ui_key(store, settings)
    keys = KeyTable(store, pepper)
    check = KeyCheck(keys, FailureThrottle())
    aliases = Aliases(settings.aliases, settings.gateway_data_dir)
    parts = _parts(settings, drain, check, database, aliases)

    @contextlib.asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        async with (
            parts.upstreams,
            _followed(keys, aliases),
            _written(parts.ledger),
            parts.limits,
            kept_up(database, parts.limits, settings),
        ):
            yield
        parts.log.flush()
        database.dispose()

    app = _front(lifespan)
    app.include_router(landing_routes(settings, ModelServerProbe(parts.upstreams), drain))
    app.include_router(metrics_routes(parts.metrics, check))
    include_sdk(app, keys, check, parts)
    app.include_later(OWN, lambda: _own_routes(store, check, database, parts.under_way))
    _add_relayed(app, parts)
    app.add_exception_handler(GatewayError, _answer_error)
    app.add_exception_handler(HTTPException, _answer_routing_error)
    app.add_exception_handler(Exception, _answer_defect)
    return app


def _front(lifespan: Callable[[FastAPI], contextlib.AbstractAsyncContextManager[None]]) -> Front:
    return Front(
        title="Lectern gateway",
        description="An OpenAI-compatible front door to LM Studio, with a key for everyone.",
        version="0.1.0",
        lifespan=lifespan,
        docs_url=None,  # its page would load scripts from elsewhere
        redoc_url=None,
        telemetry={"auto_configure": False},  # nothing is sent, whatever the environment says
        redirect_slashes=False,  # an unknown route is 404, not a redirect to a guess
    )


def _add_relayed(app: Front, parts: Parts) -> None:
    for route in RELAYED:
        endpoint = _endpoint(route, len(parts.upstreams.names))(route, parts)
        app.direct[route.method, route.path] = endpoint
        app.router.routes.append(Route(route.path, endpoint, methods=[route.method]))


def _endpoint(route: RelayedRoute, model_servers: int) -> type[Relay]:
    if route.listing:
        return ModelList
    return MergedList if route.merged and model_servers > 1 else Relay


def _parts(
    settings: GatewaySettings, drain: Drain, check: KeyCheck, database: Engine, aliases: Aliases
) -> Parts:
    """What a relayed request meets."""
    upstreams = Upstreams(settings)
    slots = {server.name: server.slots for server in settings.model_servers}
    models = Models(upstreams, aliases, slots)
    admission = Admission(settings, models)

    def servers_changed() -> None:
        models.merge()
        admission.resize()

    upstreams.on_change = servers_changed
    return Parts(
        settings=settings,
        drain=drain,
        check=check,
        models=models,
        limits=open_limits(settings.limits_url.get_secret_value()),
        admission=admission,
        metrics=Metrics(admission, upstreams),
        under_way=UnderWay(),
        upstreams=upstreams,
        ledger=Ledger(database),
        log=RequestLog(),
    )


def _own_routes(
    store: KeyStore, check: KeyCheck, database: Engine, under_way: UnderWay
) -> APIRouter:
    """The admin API and what the UIs keep here: 5 MB, so they are imported when needed."""
    from gateway.admin import admin_routes
    from gateway.audit import AuditLog
    from gateway.room import room_routes

    router = APIRouter()
    router.include_router(admin_routes(store, AuditLog(database), check))
    router.include_router(usage_routes(database, check))
    router.include_router(request_routes(database, under_way, check))
    router.include_router(room_routes(check, database))
    return router


@contextlib.asynccontextmanager
async def _followed(keys: KeyTable, aliases: Aliases) -> AsyncIterator[None]:
    """Keys and aliases are kept as they are elsewhere while the app lives."""
    try:
        await keys.refresh()
    except KeysUnavailable as error:
        log.warning("starting without keys: the database does not answer (%s)", error)
    followers = [asyncio.create_task(keys.follow()), asyncio.create_task(aliases.follow())]
    try:
        yield
    finally:
        for follower in followers:
            follower.cancel()
        await asyncio.gather(*followers, return_exceptions=True)


@contextlib.asynccontextmanager
async def _written(ledger: Ledger) -> AsyncIterator[None]:
    ledger.start()
    try:
        yield
    finally:
        await ledger.stop()


async def _answer_error(request: Request, error: Exception) -> JSONResponse:
    if not isinstance(error, GatewayError):
        raise error
    body = body_of(error, protocol_of(request.scope["path"]))
    return JSONResponse(body, status_of(error), headers_of(error))


async def _answer_routing_error(request: Request, error: Exception) -> JSONResponse:
    """404 and 405 of the router, in the caller's shape."""
    status = error.status_code if isinstance(error, HTTPException) else 500
    method, path = request.method, request.scope["path"]
    if status == 404:
        return await _answer_error(request, RouteUnknown(f"Unknown route: {method} {path}."))
    if status == 405:
        answer = await _answer_error(
            request, MethodRefused(f"The route {path} does not take {method}.")
        )
        allowed = getattr(error, "headers", None) or {}
        answer.headers.update(allowed)
        return answer
    return await _answer_error(request, BadRequest("The request cannot be understood."))


async def _answer_defect(request: Request, _error: Exception) -> JSONResponse:
    """A defect of the gateway: starlette logs it, the caller learns that it is ours."""
    return await _answer_error(request, Defect())
