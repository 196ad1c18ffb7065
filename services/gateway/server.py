"""Runs the gateway under uvicorn until SIGTERM.

Owns the server's options and the exit code. The log's form is `request_log`'s matter.
"""

from __future__ import annotations

import logging
import signal
import sys
from types import FrameType

import uvicorn

from gateway.app import make_app
from gateway.request_log import start_log
from gateway.settings import GatewaySettings

GRACE_S = 10  # below the compose file's stop_grace_period


def serve(settings: GatewaySettings) -> None:
    """Serves until SIGTERM or Ctrl-C, then exits with 0."""
    start_log()
    server = uvicorn.Server(
        uvicorn.Config(
            make_app(settings),
            host=settings.bind_addr,
            port=settings.gateway_port,
            loop="uvloop" if sys.platform != "win32" else "asyncio",
            http="httptools",
            log_config=None,
            access_log=False,  # the relay logs one line a request itself
            server_header=False,
            timeout_graceful_shutdown=GRACE_S,
        )
    )
    # uvicorn raises the signal once more when it is done; a clean stop is exit code 0.
    signal.signal(signal.SIGTERM, _exit)
    signal.signal(signal.SIGINT, _exit)
    logging.getLogger(__name__).info(
        "gateway on http://%s:%d, model server %s",
        settings.bind_addr,
        settings.gateway_port,
        settings.lmstudio_url,
    )
    server.run()
    if not server.started:
        sys.exit(1)


def _exit(_signal: int, _frame: FrameType | None) -> None:
    sys.exit(0)
