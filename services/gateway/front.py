"""In front of FastAPI's stack: the relayed routes, and routes that are added when needed.

Owns one look-up by method and path. The stack behind it (middleware, routing, exception handlers)
costs about 60 µs a request (bench/README.md) and a relayed route needs none of it: it answers its
own errors. The same endpoints are in the router too, where 404, 405 and OpenAPI find them.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from fastapi import APIRouter, FastAPI
from starlette.types import ASGIApp, Receive, Scope, Send


class Front(FastAPI):
    """FastAPI, asked only for what is not in `direct`: endpoints by method and exact path."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.direct: dict[tuple[str, str], ASGIApp] = {}
        self._later: tuple[tuple[str, ...], Callable[[], APIRouter]] | None = None

    def include_later(self, prefixes: tuple[str, ...], make: Callable[[], APIRouter]) -> None:
        """Adds a router with the first request below `prefixes`: until then it takes no memory."""
        self._later = prefixes, make

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:  # type: ignore[override]
        """ASGI; no coroutine of its own around the endpoint's."""
        endpoint = None
        if scope["type"] == "http":
            endpoint = self.direct.get((scope["method"], scope["path"]))
        if endpoint is not None:
            return endpoint(scope, receive, send)
        if self._later is not None and scope.get("path", "").startswith(self._later[0]):
            self._include_now()
        return super().__call__(scope, receive, send)

    def openapi(self) -> dict[str, Any]:
        """The description of every route, also of those that were not needed yet."""
        if self.openapi_schema is None:
            from gateway.openapi import describe

            self._include_now()
            self.openapi_schema = describe(super().openapi())
        return self.openapi_schema

    def _include_now(self) -> None:
        if self._later is not None:
            (_, make), self._later = self._later, None
            self.include_router(make())
