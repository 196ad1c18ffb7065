"""Runs the application under uvicorn so that SIGTERM ends it promptly, open tabs or not.

Owns the order of stopping: answers under way first, so that the model is free at once, then
Gradio's endless heartbeat streams, because uvicorn waits for open responses and each tab holds one.
"""

from __future__ import annotations

import asyncio
import gc
import signal
import socket

import uvicorn
from fastapi import FastAPI

from gradio_ui.settings import GradioSettings

GRACE_S = 2  # for what is left after that


class Server(uvicorn.Server):
    """uvicorn's server that ends Gradio's streams when it is told to stop."""

    def __init__(self, app: FastAPI, settings: GradioSettings) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                host=settings.bind_addr,
                port=settings.gradio_port,
                log_level="warning",
                access_log=False,
                timeout_graceful_shutdown=GRACE_S,
            )
        )
        self._state = app.state

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        await asyncio.gather(self._state.handlers.close(), self._state.tools.close())
        self._state.gradio.stop_event.set()
        await super().shutdown(sockets)


def serve(app: FastAPI, settings: GradioSettings) -> None:
    """Serves until SIGTERM or SIGINT and returns normally, so that the process ends with 0."""
    for number in (signal.SIGTERM, signal.SIGINT):
        # uvicorn raises the signal again after a clean stop; the default would make that a crash.
        signal.signal(number, lambda *_: None)
    server = Server(app, settings)
    gc.freeze()  # what was made until now stays: collections need not walk through it
    server.run()
