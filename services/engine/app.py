"""Builds the engine: settings in, ASGI application out.

The catalogue, the client for llama.cpp and the kept conversations live on `app.state`. Nothing is
loaded before the lifespan begins (or `__main__` opens the catalogue).
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

import aiohttp
from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response

from engine.catalogue import Catalogue
from engine.errors import unknown_route
from engine.files import find_models, load_config
from engine.history import History
from engine.routes import add_routes
from engine.settings import EngineSettings
from engine.wire import reply


def make_app(settings: EngineSettings) -> FastAPI:
    """The engine as an ASGI application. Raises EngineError when a model file is not usable."""
    app = FastAPI(
        title="Lectern engine",
        lifespan=opened,
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
    )
    app.state.settings = settings
    app.state.catalogue = Catalogue(find_models(settings), partial(load_config, settings))
    app.state.history = History()
    add_routes(app)
    for status in (404, 405):
        app.add_exception_handler(status, _unknown)
    app.add_exception_handler(Exception, _defect)
    return app


@asynccontextmanager
async def opened(app: FastAPI) -> AsyncIterator[None]:
    """The app's life: its models loaded, its client open. Raises EngineError when a load fails."""
    catalogue: Catalogue = app.state.catalogue
    # A model may think for minutes: only the connection itself has a deadline.
    timeout = aiohttp.ClientTimeout(total=None, sock_connect=5)
    # llama.cpp closes kept connections when it likes, and a prediction is never asked for twice.
    connector = aiohttp.TCPConnector(limit=0, force_close=True)
    async with aiohttp.ClientSession(timeout=timeout, connector=connector) as client:
        app.state.client = client
        try:
            await catalogue.open()
            yield
        finally:
            await catalogue.close()


async def _unknown(request: Request, _: Exception) -> Response:
    status, body = unknown_route(request.method, request.url.path)
    return reply(body, status)


async def _defect(_: Request, error: Exception) -> Response:
    """The traceback is in the log: starlette raises the error again after this."""
    return reply({"error": f"The engine failed ({type(error).__name__}); see its log."}, 500)
