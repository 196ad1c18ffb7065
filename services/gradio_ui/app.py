"""The web application: Gradio's page at `/`, `GET /healthz` beside it.

Owns what is put together and what is left out: no telemetry, no public API, no uploads of
Gradio's kind, no server side rendering, no links to elsewhere.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial

import gradio as gr
import openai.resources.chat  # noqa: F401 (else the first question waits while the SDK loads it)
from fastapi import FastAPI, HTTPException
from starlette.applications import Starlette
from starlette.routing import Mount

from chat_client import ChatSettings
from gradio_ui.callers import OwnCallers, host_names
from gradio_ui.endpoints import offer_endpoints
from gradio_ui.handlers import Handlers
from gradio_ui.headers import SecureHeaders
from gradio_ui.installing import HEAD, offer_installing
from gradio_ui.listeners import Listeners, NotesListeners
from gradio_ui.page import make_page
from gradio_ui.page_start import PageStart
from gradio_ui.settings import GradioSettings
from gradio_ui.stop_button import offer_stop
from gradio_ui.theme import ICON, STYLE, make_theme
from gradio_ui.tools import Tools


def make_app(settings: GradioSettings, chat_settings: ChatSettings) -> FastAPI:
    """Builds everything; nothing connects before the first page is opened."""
    app = FastAPI(title="Lectern", docs_url=None, redoc_url=None, openapi_url=None)
    app.add_middleware(OwnCallers, hosts=host_names(settings.gradio_hosts))
    app.add_middleware(SecureHeaders)
    app.add_middleware(PageStart)
    app.get("/healthz")(_healthz)
    app.post("/gradio_api/upload")(_no_uploads)
    offer_installing(app)
    offer_stop(app)
    handlers = Handlers(chat_settings, chat_settings.chat_concurrency)
    handlers.desk.add_to(app)
    tools = Tools(chat_settings, handlers.lookout, handlers.line)
    offer: Callable[[], None] | None = None
    if settings.gradio_mcp:
        _offer_mcp(app, tools)
        listeners = Listeners()
        app.add_middleware(NotesListeners, listeners=listeners)
        offer = partial(offer_endpoints, tools, listeners)
    gr.mount_gradio_app(
        app,
        make_page(handlers, offer),
        path="/",
        app_kwargs={"docs_url": None, "redoc_url": None, "openapi_url": None},
        footer_links=[],
        run_history=False,
        ssr_mode=False,
        pwa=True,
        mcp_server=False,
        enable_monitoring=False,
        show_error=False,
        favicon_path=str(ICON),
        theme=make_theme(),
        # As `css`, Gradio would rewrite each rule to reach only what lies inside its main column.
        head=f"{HEAD}<style>{STYLE.read_text()}</style>",
    )
    app.state.handlers, app.state.tools = handlers, tools
    app.state.gradio = next(route.app for route in app.routes if isinstance(route, Mount))
    return app


def _offer_mcp(app: FastAPI, tools: Tools) -> None:
    """Adds the MCP server's route, and its start and end to the application's."""
    from gradio_ui.agents import make_mcp_app  # its packages take a second to load

    mcp: Starlette = make_mcp_app(tools)
    app.router.routes.extend(mcp.routes)
    before = app.router.lifespan_context

    @asynccontextmanager
    async def lifespan(whole: FastAPI) -> AsyncIterator[None]:
        async with before(whole), mcp.router.lifespan_context(mcp):
            yield

    app.router.lifespan_context = lifespan


async def _healthz() -> dict[str, str]:
    """The page's own health; a model server that is away is shown, not a fault of this service."""
    return {"status": "ok"}


async def _no_uploads() -> None:
    """Gradio would put files into a folder and give them to whoever asks; `FileDesk` does not."""
    raise HTTPException(404, "Lectern's Gradio page takes no files this way.")
