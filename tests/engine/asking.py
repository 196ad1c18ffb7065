"""How the engine's tests ask: bodies, streams read into events, the line of predictions."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import httpx

from tests.event_lines import event_lines
from tests.running import ROOT, Service, free_port

Json = dict[str, Any]
QUESTION = "What is a token?"
MESSAGES = [{"role": "user", "content": QUESTION}]
TOO_LONG = [{"role": "user", "content": "word " * 3000}]
Q8 = "lectern-101@q8_0"
# No sampling, and no end of the model's own: the answer is the same each time and as long as its
# limit allows.
TO_THE_LIMIT: Json = {"temperature": 0, "ignore_eos": True}


def client(service: Service) -> httpx.Client:
    """An HTTP client for a service on loopback."""
    return httpx.Client(base_url=service.url, timeout=60, trust_env=False)


def post(service: Service, path: str, body: Json) -> httpx.Response:
    with client(service) as http:
        return http.post(path, json=body)


def get(service: Service, path: str) -> httpx.Response:
    with client(service) as http:
        return http.get(path)


def events(lines: Iterable[str]) -> list[tuple[str | None, Any]]:
    """Server-sent events as (name, data): JSON decoded, `[DONE]` as it is."""
    found: list[tuple[str | None, Any]] = []
    name = None
    for line in lines:
        field, _, value = line.partition(": ")
        if field == "event":
            name = value
        elif field == "data":
            found.append((name, value if value == "[DONE]" else json.loads(value)))
            name = None
    return found


def streamed(service: Service, path: str, body: Json) -> list[tuple[str | None, Any]]:
    """All events of a stream."""
    with client(service) as http, http.stream("POST", path, json=body | {"stream": True}) as answer:
        assert answer.status_code == 200, answer.read()
        assert answer.headers["content-type"].startswith("text/event-stream")
        return events(event_lines(answer))


def slots(service: Service, model: str = Q8) -> Json:
    """The line of one model, as /engine/slots tells it."""
    rows = get(service, "/engine/slots").json()["models"]
    return next(row for row in rows if row["id"] == model)


def run_engine(env: Mapping[str, str], folder: Path) -> subprocess.CompletedProcess[str]:
    """Runs an engine that is expected to give up by itself; its sentence is on stderr."""
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT / "services")}
    environment |= {"ENGINE_PORT": str(free_port()), "HOME": str(folder), **env}
    return subprocess.run(
        [sys.executable, "-m", "engine"],
        env=environment,
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
