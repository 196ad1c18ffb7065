"""Which routes there are, and what LM Studio says to all others."""

from __future__ import annotations

import httpx
import pytest

from tests.engine.asking import client, get
from tests.running import Service


def test_greeting_tells_lm_studio_and_the_engine_apart(engine: Service) -> None:
    answer = get(engine, "/lmstudio-greeting")
    assert answer.status_code == 200
    assert answer.json() == {"lmstudio": True}
    assert answer.headers["x-lectern-engine"] == "1"


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/"),
        ("GET", "/props"),
        ("GET", "/health"),
        ("GET", "/api/tags"),
        ("GET", "/v1/nothing"),
        ("GET", "/v1/completions"),
        ("DELETE", "/v1/models"),
        ("OPTIONS", "/v1/chat/completions"),
        ("POST", "/v1/messages/count_tokens"),
    ],
)
def test_unknown_route_or_method_is_200_with_an_error(
    engine: Service, method: str, path: str
) -> None:
    with client(engine) as http:
        answer = http.request(method, path)
    assert answer.status_code == 200
    assert answer.json() == {"error": f"Unexpected endpoint or method. ({method} {path})"}


def test_unknown_route_of_the_native_api_is_404(engine: Service) -> None:
    answer = get(engine, "/api/v1/nothing")
    assert answer.status_code == 404
    assert answer.json() == {"error": "Unexpected endpoint or method. (GET /api/v1/nothing)"}


def test_replies_are_indented_by_two_spaces(engine: Service) -> None:
    answer = get(engine, "/v1/models")
    assert answer.text.startswith('{\n  "data": [\n    {\n      "id": "lectern-101"')
    assert answer.headers["content-type"] == "application/json; charset=utf-8"


def test_llama_cpp_itself_answers_nobody_else(engine: Service) -> None:
    """Its port is on loopback, but only the engine has the key."""
    ports = _listening_ports(engine.process.pid) - {engine.port}
    assert len(ports) == 3
    for port in ports:
        answer = httpx.get(f"http://127.0.0.1:{port}/slots", trust_env=False)
        assert answer.status_code == 401


def _listening_ports(pid: int) -> set[int]:
    """TCP ports that a process listens on, from Linux's /proc."""
    from pathlib import Path

    links = [link.readlink() for link in Path(f"/proc/{pid}/fd").iterdir()]
    inodes = {str(link)[8:-1] for link in links if str(link).startswith("socket:[")}
    rows = [row.split() for row in Path(f"/proc/{pid}/net/tcp").read_text().splitlines()[1:]]
    listening = "0A"
    return {int(r[1].split(":")[1], 16) for r in rows if r[3] == listening and r[9] in inodes}
