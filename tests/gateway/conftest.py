"""A real gateway process in front of whatever model server a test makes up."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvloop
from sqlalchemy import URL, Engine, create_engine, event
from sqlalchemy.engine.interfaces import DBAPIConnection

import gateway.database
import gateway.postgresql
from tests.running import ROOT, Service, running
from tests.state_servers import StateServer, new_database


def pytest_asyncio_loop_factories(
    config: pytest.Config, item: pytest.Item
) -> dict[str, Callable[[], asyncio.AbstractEventLoop]]:
    """The loop that the gateway runs on; its connections on the standard library's as well."""
    loops: dict[str, Callable[[], asyncio.AbstractEventLoop]] = {"uvloop": uvloop.new_event_loop}
    if item.path.name.startswith("test_upstream"):
        loops["asyncio"] = asyncio.new_event_loop
    return loops


@dataclass
class Front:
    """A running gateway, a key for it, and a client that sends the key."""

    service: Service
    key: str
    client: httpx.Client
    data: Path
    env: dict[str, str]

    def lectern(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Runs the command line on this gateway's data."""
        return lectern(self.data, *arguments, env=self.env)

    def new_key(self, name: str, *options: str) -> str:
        """One more key, made as an operator makes one."""
        made = self.lectern("keys", "create", "--name", name, *options)
        assert made.returncode == 0, made.stderr
        return made.stdout.strip()


def lectern(
    data: Path, *arguments: str, env: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Runs `lectern …` on a data folder."""
    return subprocess.run(
        [sys.executable, "-m", "gateway", *arguments],
        cwd=ROOT,
        env={
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(ROOT / "services"),
            "GATEWAY_DATA_DIR": str(data),
            **(env or {}),
        },
        capture_output=True,
        text=True,
        check=False,
    )


@contextmanager
def gateway_before(url: str, folder: Path, env: dict[str, str] | None = None) -> Iterator[Front]:
    """A gateway whose model server is at `url`."""
    data = folder / "data"
    env = env or {}
    settings = {"LMSTUDIO_URL": url, "GATEWAY_DATA_DIR": str(data), **env}
    with running("gateway", folder, settings) as service:
        key = lectern(data, "keys", "create", "--name", "tests", env=env).stdout.strip()
        headers = {"Authorization": f"Bearer {key}"}
        with httpx.Client(base_url=service.url, headers=headers, timeout=60) as client:
            yield Front(service, key, client, data, env)


@pytest.fixture
def postgresql_url(postgresql: StateServer) -> Iterator[str]:
    """The URL of an empty database that no other test has."""
    with new_database(postgresql) as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def each_database(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Lets a test run twice: settings that name no database get this one."""
    name: str = request.param
    if name == "postgresql":
        monkeypatch.setenv("DATABASE_URL", request.getfixturevalue("postgresql_url"))
    connections: list[DBAPIConnection] = []

    def noted(url: URL, **options: Any) -> Engine:
        engine = create_engine(url, **options)
        event.listen(engine, "connect", lambda connection, _: connections.append(connection))
        return engine

    for module in (gateway.database, gateway.postgresql):
        monkeypatch.setattr(module, "create_engine", noted)
    yield name
    for connection in connections:  # idle ones that a test left open are no defect
        connection.close()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path
