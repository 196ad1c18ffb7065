"""The probe behind the state page: what was tried, what to do."""

from __future__ import annotations

import pytest

from chat_client import ChatSettings, diagnosis, probe
from tests.chat_client.upstream import upstream
from tests.running import free_port


async def test_a_server_with_a_model_is_ready() -> None:
    with upstream() as server:
        state = await probe(ChatSettings(lmstudio_url=server.url))
    assert state.ready
    assert state.server == "LM Studio"
    assert state.advice == ""
    assert [(step.name, step.ok) for step in state.steps] == [
        ("Address", True),
        ("Connection", True),
        ("Models", True),
    ]


async def test_a_server_without_a_model_says_load_one() -> None:
    with upstream() as server:
        server.routes["/api/v1/models"] = (200, {"models": []})
        state = await probe(ChatSettings(lmstudio_url=server.url))
    assert state.reachable
    assert not state.ready
    assert "lms load" in state.advice


async def test_a_closed_port_stops_at_the_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(diagnosis, "in_container", lambda: False)
    state = await probe(ChatSettings(lmstudio_url=f"http://127.0.0.1:{free_port()}"))
    assert not state.reachable
    assert [(step.name, step.ok) for step in state.steps] == [
        ("Address", True),
        ("Connection", False),
    ]
    assert "lms server start" in state.advice


async def test_localhost_inside_a_container_is_explained(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(diagnosis, "in_container", lambda: True)
    state = await probe(ChatSettings(lmstudio_url=f"http://127.0.0.1:{free_port()}"))
    assert "http://host.docker.internal:1234" in state.advice


async def test_an_unknown_name_stops_at_the_address() -> None:
    state = await probe(ChatSettings(lmstudio_url="http://no-such-host.invalid:1234"))
    assert [(step.name, step.ok) for step in state.steps] == [("Address", False)]
    assert "LMSTUDIO_URL" in state.advice


async def test_a_wanted_token_is_said() -> None:
    with upstream() as server:
        server.routes["/api/v1/models"] = (401, {"error": {"code": "invalid_api_key"}})
        state = await probe(ChatSettings(lmstudio_url=server.url))
    assert not state.reachable
    assert "LMSTUDIO_API_TOKEN" in state.advice
