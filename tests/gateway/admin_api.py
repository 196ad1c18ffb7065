"""The gateway in this process with its keys, for the tests of the admin API."""

from __future__ import annotations

from collections.abc import Iterable
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

KEYS = "/lectern/admin/keys"
AUDIT = "/lectern/admin/audit"


class AdminApi:
    """An app, a store on the same database as another process would open it, and a client."""

    def __init__(self, folder: Path) -> None:
        settings = GatewaySettings(gateway_data_dir=folder)
        self.app: FastAPI = make_app(settings)
        self.database: Engine = open_database(settings)
        self.pepper = load_pepper(settings)
        self.store = KeyStore(self.database, self.pepper, KeyMark(folder))
        transport = httpx.ASGITransport(self.app, client=("192.0.2.7", 5000))
        self.client = httpx.AsyncClient(transport=transport, base_url="http://gateway")

    def key(self, name: str, scopes: Iterable[Scope] = Scope, **fields: Any) -> str:
        """A new key's text, made as the command line makes it."""
        return self.store.create(name, scopes, **fields).text

    async def ask(
        self, key: str, method: str, path: str, body: object = None, **options: Any
    ) -> httpx.Response:
        """One request with a key; none when `key` is empty."""
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        headers |= options.pop("headers", {})
        if body is not None:
            options["json"] = body
        return await self.client.request(method, path, headers=headers, **options)


def error_of(answer: httpx.Response) -> tuple[int, str | None]:
    """Status and code of an error in OpenAI's shape; fails on any other shape."""
    body = answer.json()
    assert set(body) == {"error"}, body
    assert set(body["error"]) == {"message", "type", "param", "code"}, body
    assert isinstance(body["error"]["message"], str)
    return answer.status_code, body["error"]["code"]
