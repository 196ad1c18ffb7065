"""The web application without a browser: health, headers, and what it does not offer."""

from __future__ import annotations

from collections.abc import AsyncIterator
from io import BytesIO

import httpx
import pytest
from PIL import Image

from chat_client import ChatSettings
from gradio_ui.app import make_app
from gradio_ui.settings import GradioSettings


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    app = make_app(GradioSettings(), ChatSettings(lmstudio_url="http://127.0.0.1:9", llm_url=""))
    transport = httpx.ASGITransport(app)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://lectern") as client,
    ):
        yield client


async def test_it_is_healthy_without_a_model_server(client: httpx.AsyncClient) -> None:
    response = await client.get("/healthz")
    assert (response.status_code, response.json()) == (200, {"status": "ok"})


async def test_the_page_is_at_the_root_and_may_ask_no_other_host(client: httpx.AsyncClient) -> None:
    response = await client.get("/")
    assert response.status_code == 200
    assert "Lectern" in response.text
    policy = response.headers["content-security-policy"]
    assert "default-src 'self'" in policy
    assert "http" not in policy


async def test_our_own_script_is_there_before_gradios(client: httpx.AsyncClient) -> None:
    response = await client.get("/")
    assert response.text.index("lecternAtRest") < response.text.index('type="module"')
    assert int(response.headers["content-length"]) == len(response.content)


async def test_no_endpoint_is_offered_by_accident(client: httpx.AsyncClient) -> None:
    info = (await client.get("/gradio_api/info")).json()
    assert info == {"named_endpoints": {}, "unnamed_endpoints": {}}
    for path in ("/docs", "/openapi.json", "/redoc", "/gradio_api/mcp/", "/gradio_api/mcp/sse"):
        assert (await client.get(path)).status_code == 404, path
    assert "jsonrpc" not in (await client.post("/mcp", json={})).text


async def test_nobody_can_leave_files_here(client: httpx.AsyncClient) -> None:
    response = await client.post("/gradio_api/upload", files={"files": ("a.txt", b"x")})
    assert response.status_code == 404


async def test_gradio_reports_nothing_about_itself(client: httpx.AsyncClient) -> None:
    config = (await client.get("/config")).json()
    assert config["analytics_enabled"] is False


async def test_a_phone_can_install_it_with_icons_of_our_own(client: httpx.AsyncClient) -> None:
    page = (await client.get("/")).text
    assert '<link rel="manifest" href="/manifest.json"' in page
    assert "apple-touch-icon" in page
    answer = await client.get("/manifest.json")
    assert answer.headers["content-type"].startswith("application/manifest+json")
    manifest = answer.json()
    assert (manifest["name"], manifest["display"]) == ("Lectern", "standalone")
    assert manifest["start_url"] == manifest["scope"] == "/"
    assert {icon["purpose"] for icon in manifest["icons"]} == {"any", "maskable"}
    for icon in manifest["icons"]:
        data = (await client.get(icon["src"])).content
        width, height = Image.open(BytesIO(data)).size
        assert f"{width}x{height}" == icon["sizes"]
    assert (await client.get("/icons/settings.py")).status_code == 404
