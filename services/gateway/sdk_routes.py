"""The routes by which the `lmstudio` SDKs reach LM Studio through the gateway.

Owns three things: the greeting by which an SDK recognises a server, the token that an SDK takes in
place of the key, and the sockets' paths. The code behind a socket is imported with the first one,
so that a gateway whom no SDK calls does not pay for it.
"""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

from fastapi import APIRouter, FastAPI, Request, Response, Security
from fastapi.security import HTTPBearer
from pydantic import BaseModel, Field
from starlette.routing import WebSocketRoute
from starlette.types import Receive, Scope, Send

from gateway.admin_gate import gated_by
from gateway.error_body import answers
from gateway.key_check import KeyCheck
from gateway.key_table import KeyTable
from gateway.relay import Parts
from gateway.sdk_rules import NAMESPACES


class SdkToken(BaseModel):
    """A key in the form of LM Studio's tokens."""

    api_token: Annotated[str, Field(description="for `apiToken`, `api_token` or LM_API_TOKEN")]


def include_sdk(app: FastAPI, keys: KeyTable, check: KeyCheck, parts: Parts) -> None:
    """Adds all of them."""
    app.include_router(_greeting_routes())
    app.include_router(_token_routes(keys, check))
    sockets = _Sockets(parts)
    for name in NAMESPACES:
        app.router.routes.append(WebSocketRoute(f"/{name}", _Namespace(sockets, name)))


def _greeting_routes() -> APIRouter:
    """`/lmstudio-greeting`: LM Studio's SDKs talk to no server that does not greet so."""
    router = APIRouter(tags=["lmstudio SDKs"])

    @router.get("/lmstudio-greeting", summary="This server speaks LM Studio's API")
    async def greeting(response: Response) -> dict[str, bool]:
        response.headers["X-Lectern-Gateway"] = "1"  # so that a UI does not call it LM Studio
        return {"lmstudio": True}

    return router


def _token_routes(keys: KeyTable, check: KeyCheck) -> APIRouter:
    """`/lectern/sdk-token`: as secret as the key, and it ends with the key."""
    router = APIRouter(
        tags=["lmstudio SDKs"],
        route_class=gated_by(check, None),
        responses=answers(),
        dependencies=[Security(HTTPBearer(auto_error=False, description="any key"))],
    )

    @router.get("/lectern/sdk-token", summary="Your key as the lmstudio SDKs take it")
    async def token(request: Request) -> SdkToken:
        return SdkToken(api_token=keys.sdk_token(request.scope["lectern.key"]))

    return router


class _Sockets:
    """`sdk_socket.SdkSockets`, made when the first socket is opened."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._made: Any = None

    def get(self) -> Any:
        if self._made is None:
            from gateway.sdk_socket import SdkSockets

            self._made = SdkSockets(self._parts)
        return self._made


class _Namespace:
    """The ASGI endpoint of one namespace."""

    def __init__(self, sockets: _Sockets, name: str) -> None:
        self._sockets = sockets
        self._name = name

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._sockets.get().serve(self._name, scope, receive, send)


def protocol(**options: Any) -> asyncio.Protocol:
    """What uvicorn makes for a connection that asks to become a WebSocket."""
    from gateway.sdk_protocol import SdkProtocol

    return SdkProtocol(**options)
