"""Pages from elsewhere may not call: not under a name of their own, not from their own origin."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
from httpx import AsyncClient as Client

from chat_client import ChatSettings
from gradio_ui.app import make_app
from gradio_ui.settings import GradioSettings


@asynccontextmanager
async def calling(hosts: str = "chat.example.org, other.example.org") -> AsyncIterator[Client]:
    """A client of the application; no fixture, as the MCP server ends in the task that began it."""
    settings = GradioSettings(gradio_mcp=True, gradio_hosts=hosts)
    app = make_app(settings, ChatSettings(lmstudio_url="http://127.0.0.1:9", llm_url=""))
    transport = httpx.ASGITransport(app)
    async with (
        app.router.lifespan_context(app),
        Client(transport=transport, base_url="http://lectern") as client,
    ):
        yield client


async def status(client: Client, path: str, headers: dict[str, str]) -> int:
    """The status of a request that does nothing: `/mcp` refuses its method or its form."""
    method = "POST" if path != "/healthz" else "GET"
    return (await client.request(method, path, headers=headers, json={})).status_code


OWN = (
    "127.0.0.1:7860",
    "192.168.1.20:7860",
    "[::1]:7860",
    "localhost:7860",
    "lectern.localhost",
    "desk.local:7860",
    "gradio:7860",
    "host.docker.internal:7860",
    "Chat.Example.org:443",
)
PATHS = ("/healthz", "/mcp", "/gradio_api/queue/join")
FOREIGN = ("evil.example", "127.0.0.1.evil.example:7860", "a.example.org", "", "[")
FOREIGN_ORIGINS = ("https://evil.example", "http://127.0.0.1:3000", "null", "", "http://[")


async def test_a_name_of_somebody_elses_is_refused() -> None:
    async with calling() as client:
        for path in PATHS:
            for host in OWN:
                assert await status(client, path, {"host": host}) not in (403, 421), host
            for host in FOREIGN:
                assert await status(client, path, {"host": host}) == 421, host


async def test_a_page_of_another_origin_is_refused() -> None:
    async with calling() as client:
        for path in PATHS:
            for origin in ("http://127.0.0.1:7860", "https://chat.example.org"):
                headers = {"host": "127.0.0.1:7860", "origin": origin}
                assert await status(client, path, headers) not in (403, 421), origin
            for origin in FOREIGN_ORIGINS:
                headers = {"host": "127.0.0.1:7860", "origin": origin}
                assert await status(client, path, headers) == 403, origin


async def test_a_refusal_says_what_to_do_and_allows_no_reading() -> None:
    headers = {"origin": "https://evil.example", "access-control-request-method": "POST"}
    async with calling() as client:
        answer = await client.options("/mcp", headers=headers)
    assert answer.status_code == 403
    assert "GRADIO_HOSTS" in answer.text
    assert "access-control-allow-origin" not in answer.headers


async def test_the_operator_may_allow_every_name() -> None:
    async with calling(hosts="*") as client:
        headers = {"host": "evil.example"}
        assert await status(client, "/healthz", headers) == 200
