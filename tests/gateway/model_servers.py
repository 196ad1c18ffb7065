"""Two model servers behind one gateway, and what the tests ask of them."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import httpx
import orjson

from tests.fault_upstream import Exchange, FaultUpstream, fault_upstream
from tests.gateway.conftest import Front, gateway_before

CHAT = "/v1/chat/completions"
ANSWER = orjson.dumps({"id": "x", "choices": [{"message": {"content": "hello"}}]})
CHUNK = b'data: {"choices":[{"index":0,"delta":{"content":"x"}}]}\n\n'
_numbers = itertools.count()
Behave = Callable[[Exchange], None]


def listing(*models: str) -> bytes:
    return orjson.dumps({"data": [{"id": name, "object": "model"} for name in models]})


def well(exchange: Exchange) -> None:
    exchange.answer(ANSWER)


def dies(exchange: Exchange) -> None:
    exchange.die()


Servers = Mapping[str, tuple[Behave, bytes | None]]


@contextmanager
def in_front_of(
    servers: Servers, folder: Path, **env: str
) -> Iterator[tuple[Front, dict[str, FaultUpstream]]]:
    """A gateway before servers that behave so and list such models."""
    with ExitStack() as exits:
        started = {
            name: exits.enter_context(fault_upstream(*given)) for name, given in servers.items()
        }
        named = ",".join(f"{name}={server.url}" for name, server in started.items())
        env = {"UPSTREAMS": named, **env}
        yield exits.enter_context(gateway_before("http://127.0.0.1:9", folder, env)), started


@contextmanager
def two_servers(
    folder: Path,
    desk: tuple[Behave, bytes | None] = (well, listing("m")),
    gpu: tuple[Behave, bytes | None] = (well, listing("m")),
    **env: str,
) -> Iterator[tuple[Front, FaultUpstream, FaultUpstream]]:
    """A gateway before two of them."""
    with in_front_of({"desk": desk, "gpu": gpu}, folder, **env) as (front, servers):
        yield front, servers["desk"], servers["gpu"]


def ask(front: Front, model: str = "m", text: str = "hi", path: str = CHAT) -> httpx.Response:
    body = {"model": model, "messages": [{"role": "user", "content": text}]}
    return front.client.post(path, json=body)


def manager(front: Front) -> dict[str, str]:
    """The headers of a key that may load models and read metrics."""
    scopes = ("--scope", "admin", "--scope", "models:manage")
    made = front.lectern("keys", "create", "--name", f"boss-{next(_numbers)}", *scopes, "--json")
    return {"Authorization": f"Bearer {orjson.loads(made.stdout)['key']}"}


def metrics(front: Front) -> str:
    """What Prometheus would read."""
    return httpx.get(front.service.url + "/metrics", headers=manager(front)).text


def usage(front: Front) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = orjson.loads(front.lectern("usage", "--json").stdout)
    return rows
