"""The gateway's own pages: the landing page, its style and script, `/healthz` and `/readyz`.

Owns what a person or a health check sees without a key. It shows no model, key or address of the
model server.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse, JSONResponse

from gateway.drain import Drain
from gateway.errors import RouteUnknown
from gateway.model_server import ModelServerProbe, ModelServerState
from gateway.settings import GatewaySettings

if TYPE_CHECKING:
    from jinja2 import Template

BOTH = ["GET", "HEAD"]
HERE = Path(__file__).parent
# No inline code, nothing from elsewhere, no framing.
PAGE_POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_HOST = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(:\d+)?")
_ASSETS = {"landing.css": "text/css", "landing.js": "text/javascript", "icon.svg": "image/svg+xml"}


@cache
def _template() -> Template:
    """The landing page; Jinja is imported with the first look at it, since it takes 2 MB."""
    from jinja2 import Environment, FileSystemLoader, select_autoescape

    pages = Environment(loader=FileSystemLoader(HERE / "templates"), autoescape=select_autoescape())
    return pages.get_template("landing.html")


def landing_routes(settings: GatewaySettings, probe: ModelServerProbe, drain: Drain) -> APIRouter:
    """The routes that need no key; monitors ask with HEAD, too."""
    router = APIRouter()

    @router.head("/healthz", include_in_schema=False)
    @router.get("/healthz", summary="The process is alive")
    async def healthz() -> dict[str, str]:
        return {"status": "ok"}

    @router.head("/readyz", include_in_schema=False)
    @router.get(
        "/readyz",
        summary="Requests are taken; says whether the model server answers",
        responses={503: {"description": "The gateway is stopping"}},
    )
    async def readyz() -> JSONResponse:
        if drain.begun:
            return JSONResponse({"status": "stopping"}, 503, headers={"Cache-Control": "no-store"})
        content = _readiness(await probe.state())
        return JSONResponse(content, headers={"Cache-Control": "no-store"})

    @router.api_route("/", methods=BOTH, response_class=HTMLResponse, include_in_schema=False)
    async def landing(request: Request) -> HTMLResponse:
        page = _page(request.headers.get("host", ""), settings, await probe.state())
        return HTMLResponse(
            page, headers={"Content-Security-Policy": PAGE_POLICY, "Cache-Control": "no-store"}
        )

    @router.api_route("/static/{name}", methods=BOTH, include_in_schema=False)
    async def asset(name: str) -> Response:
        if name not in _ASSETS:
            raise RouteUnknown(f"There is no page at /static/{name}.")
        # Whole, whatever `Range` asks for: they are small (the class of CVE-2025-62727).
        return Response((HERE / "static" / name).read_bytes(), media_type=_ASSETS[name])

    return router


def _page(host_header: str, settings: GatewaySettings, state: ModelServerState) -> str:
    """The landing page; its links lead to the host that the browser asked for."""
    match = _HOST.fullmatch(host_header)
    host = match[1] if match else "127.0.0.1"
    return _template().render(
        state=state,
        streamlit_url=f"http://{host}:{settings.streamlit_port}/",
        gradio_url=f"http://{host}:{settings.gradio_port}/",
        api_url=f"http://{match[0] if match else host}/v1",
    )


def _readiness(state: ModelServerState) -> dict[str, Any]:
    status = "ready" if state.answers else "degraded"
    content: dict[str, Any] = {"status": status, "model_server": state.kind}
    if state.servers > 1:
        content["model_servers"] = {"answering": state.answering, "of": state.servers}
    if state.reason:
        content["reason"] = state.reason
    return content
