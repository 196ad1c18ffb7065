"""A gateway in this process with keys of two people, for what they keep under `/lectern/`."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from fastapi import FastAPI
from sqlalchemy import Engine

from gateway.app import make_app
from gateway.database import open_database
from gateway.failure_throttle import FailureThrottle
from gateway.key_check import KeyCheck
from gateway.key_mark import KeyMark
from gateway.key_store import KeyStore
from gateway.key_table import KeyTable
from gateway.keys import Scope
from gateway.pepper import load_pepper
from gateway.room import room_routes
from gateway.room_limits import Limits
from gateway.settings import GatewaySettings

CONVERSATIONS = "/lectern/conversations"
Json = dict[str, Any]


@dataclass
class Room:
    """The app, its database, and a client for each of two people, and for nobody."""

    app: FastAPI
    database: Engine
    keys: KeyStore
    ana: httpx.AsyncClient
    bob: httpx.AsyncClient
    nobody: httpx.AsyncClient

    def client(self, key: str | None) -> httpx.AsyncClient:
        """A client that sends this key."""
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        transport = httpx.ASGITransport(app=self.app)
        return httpx.AsyncClient(transport=transport, base_url="http://room", headers=headers)


@asynccontextmanager
async def open_room(folder: Path, limits: Limits | None = None) -> AsyncIterator[Room]:
    """A room in `folder`; with `limits`, an app that has the room's routes alone."""
    settings = GatewaySettings(gateway_data_dir=folder)
    database = open_database(settings)
    pepper = load_pepper(settings)
    keys = KeyStore(database, pepper, KeyMark(folder))
    if limits is None:
        app = make_app(settings)
    else:
        app = FastAPI()
        app.include_router(
            room_routes(KeyCheck(KeyTable(keys, pepper), FailureThrottle()), database, limits)
        )
    room = Room(app, database, keys, *[None] * 3)  # type: ignore[arg-type]
    room.ana = room.client(keys.create("ana").text)
    room.bob = room.client(keys.create("bob", (Scope.CHAT,)).text)
    room.nobody = room.client(None)
    async with app.router.lifespan_context(app), room.ana, room.bob, room.nobody:
        yield room
    database.dispose()


async def begin(client: httpx.AsyncClient, **fields: Any) -> str:
    """Begins a conversation and returns its path."""
    answer = await client.post(CONVERSATIONS, json=fields)
    assert answer.status_code == 201, answer.text
    return str(answer.headers["location"])


async def say(client: httpx.AsyncClient, path: str, content: Any, **fields: Any) -> str:
    """Adds a message and returns its id."""
    body = {"role": "user", "content": content} | fields
    answer = await client.post(f"{path}/messages", json=body)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["message"]["id"])


async def read(client: httpx.AsyncClient, path: str) -> Json:
    """The conversation as it is now."""
    answer = await client.get(path)
    assert answer.status_code == 200, answer.text
    found: Json = answer.json()
    assert answer.headers["etag"] == f'"{found["version"]}"'
    return found


def code_of(answer: httpx.Response) -> str:
    """The code of an error in OpenAI's shape."""
    error = answer.json()["error"]
    assert set(error) == {"message", "type", "param", "code"}
    assert error["message"]
    return str(error["code"])
