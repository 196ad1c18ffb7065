"""Every route of the gateway, and a gateway in this process that is asked from many addresses.

Owns finding the routes in the app itself, so that a new one cannot be forgotten by the tests of
who may pass. What each route asks for is said by the tests.
"""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from fastapi import FastAPI
from sqlalchemy import Engine

from gateway.app import make_app
from gateway.database import open_database
from gateway.key_mark import KeyMark
from gateway.key_store import KeyStore
from gateway.keys import Scope
from gateway.pepper import load_pepper
from gateway.settings import GatewaySettings

# What needs no key; everything else does.
OPEN = {"/", "/static/{name}", "/healthz", "/readyz", "/openapi.json", "/lmstudio-greeting"}
# A value for each part of a path that varies.
PARTS = {
    "conversation": "conv_12345678",
    "message": "msg_12345678",
    "preset": "preset_12345678",
    "vote": "vote_12345678",
    "name": "ana",
    "model": "m",
    "model:path": "m",
    "job": "1",
}


def every_route(app: FastAPI) -> Iterator[tuple[str, str]]:
    """Method and path of every HTTP route, those that OpenAPI does not show as well."""
    app.openapi()  # some are added when they are needed
    waiting: list[Any] = list(app.routes)
    while waiting:
        route = waiting.pop()
        inner = getattr(route, "original_router", None)
        if inner is not None:
            waiting.extend(inner.routes)
        for method in getattr(route, "methods", None) or ():
            yield method, route.path


def filled(path: str) -> str:
    """The path with a value for each part that varies."""
    for name, value in PARTS.items():
        path = path.replace(f"{{{name}}}", value)
    assert "{" not in path, f"tests/gateway/doors.py has no value for a part of {path}"
    return path


@dataclass
class Door:
    """A running gateway; every request comes from an address of its own."""

    app: FastAPI
    store: KeyStore
    database: Engine
    pepper: bytes
    _addresses: Iterator[int] = field(default_factory=itertools.count)

    def key(self, name: str, scopes: Iterable[Scope] = Scope, **fields: Any) -> str:
        """A new key's text."""
        return self.store.create(name, scopes, **fields).text

    async def ask(
        self, method: str, path: str, key: str = "", headers: dict[str, str] | None = None
    ) -> httpx.Response:
        """One request with a small JSON body."""
        number = next(self._addresses)
        address = f"192.0.{number // 250}.{number % 250 + 1}"
        transport = httpx.ASGITransport(self.app, client=(address, 5000))
        own = {"Authorization": f"Bearer {key}"} if key else {}
        async with httpx.AsyncClient(transport=transport, base_url="http://gateway") as client:
            return await client.request(
                method, path, headers=own | (headers or {}), json={"model": "m"}
            )


@asynccontextmanager
async def open_door(folder: Path, upstream_url: str, **settings: Any) -> AsyncIterator[Door]:
    """The gateway as it runs, without a socket of its own."""
    whole = GatewaySettings(gateway_data_dir=folder, lmstudio_url=upstream_url, **settings)
    app = make_app(whole)
    database = open_database(whole)
    pepper = load_pepper(whole)
    store = KeyStore(database, pepper, KeyMark(folder))
    async with app.router.lifespan_context(app):
        yield Door(app, store, database, pepper)
    database.dispose()
