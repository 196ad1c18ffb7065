"""The two doors that a teammate's SDK may knock at: the gateway with a key, the engine without."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import anthropic
import openai
import pytest

from tests.running import Service


@dataclass
class Door:
    """Where an SDK is pointed at, its key, and both SDKs set up for it."""

    name: str
    url: str
    key: str
    openai: openai.OpenAI
    anthropic: anthropic.Anthropic


@contextmanager
def knocking(name: str, url: str, key: str) -> Iterator[Door]:
    """Both SDKs set up for a server; a proxy of this machine has no part in a talk on loopback."""
    with (
        openai.DefaultHttpxClient(trust_env=False) as http,
        anthropic.DefaultHttpxClient(trust_env=False) as more_http,
    ):
        yield Door(
            name,
            url,
            key,
            openai.OpenAI(base_url=f"{url}/v1", api_key=key, http_client=http),
            anthropic.Anthropic(base_url=url, api_key=key, http_client=more_http),
        )


@pytest.fixture(params=["gateway", "engine"])
def door(request: pytest.FixtureRequest, gateway_key: str) -> Iterator[Door]:
    """Each test runs through the gateway and the engine, and against the engine alone."""
    service: Service = request.getfixturevalue(request.param)
    key = gateway_key if request.param == "gateway" else "not-needed"
    with knocking(request.param, service.url, key) as door:
        yield door


@pytest.fixture
def gateway_door(gateway: Service, gateway_key: str) -> Iterator[Door]:
    """The gateway alone, for what it does better than the engine."""
    with knocking("gateway", gateway.url, gateway_key) as door:
        yield door


@pytest.fixture
def outsider(gateway: Service) -> Iterator[Door]:
    """Somebody with a wrong key at the gateway."""
    with knocking("gateway", gateway.url, "lk-wrong") as door:
        yield door
