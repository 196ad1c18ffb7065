"""The relayed routes in front of FastAPI's stack.

Owns one look-up by method and path. The stack behind it (middleware, routing, exception handlers)
costs about 60 µs a request (bench/README.md) and a relayed route needs none of it: it answers its
own errors. The same endpoints are in the router too, where 404, 405 and OpenAPI find them.
"""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from starlette.types import ASGIApp, Receive, Scope, Send


class Front(FastAPI):
    """FastAPI, asked only for what is not in `direct`: endpoints by method and exact path."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.direct: dict[tuple[str, str], ASGIApp] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        endpoint = None
        if scope["type"] == "http":
            endpoint = self.direct.get((scope["method"], scope["path"]))
        if endpoint is None:
            await super().__call__(scope, receive, send)
        else:
            await endpoint(scope, receive, send)
