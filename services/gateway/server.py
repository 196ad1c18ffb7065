"""Runs the gateway under uvicorn until SIGTERM.

Owns the server's options and the exit code. The log's form is `request_log`'s matter.
"""

from __future__ import annotations

import gc
import logging
import os
import signal
import sys
from types import FrameType
from typing import NoReturn

from fastapi import FastAPI
from sqlalchemy.exc import SQLAlchemyError
from uvicorn.config import Config
from uvicorn.server import Server

from gateway.app import make_app
from gateway.caller_connection import CallerConnection
from gateway.database import upgrade_apart
from gateway.drain import Drain
from gateway.request_log import start_log
from gateway.sdk_routes import protocol
from gateway.settings import GatewaySettings, SettingsError, load_settings

# After the drain: for what is left then. Drain and this lie below stop_grace_period.
GRACE_S = 5


class DrainingServer(Server):
    """uvicorn, but SIGTERM lets what runs finish; a second signal ends the wait for it."""

    def __init__(self, config: Config, drain: Drain) -> None:
        super().__init__(config)
        self._drain = drain

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:  # noqa: ARG002 (uvicorn's)
        """Begins the drain; uvicorn's own stop comes when it is done.

        However many signals come, the app's own end is never skipped: rows may still be written.
        """
        if self._drain.begun:
            self.should_exit = True
        self._drain.begin()

    async def on_tick(self, counter: int) -> bool:
        """Called by uvicorn ten times a second; True ends the server."""
        if self._drain.done:
            self.should_exit = True
        return await super().on_tick(counter)


def main() -> NoReturn:
    """Serves until SIGTERM or Ctrl-C, then exits with 0; with 1 and a sentence if it cannot."""
    # FastAPI asks of each type whether it is one of pydantic 1, which takes 4 MB to load. None is.
    sys.modules.setdefault("pydantic.v1", None)  # type: ignore[arg-type]  # "not to be had"
    try:
        settings = load_settings()
        upgrade_apart(settings)
        drain = Drain(settings.gateway_drain_s)
        app = make_app(settings, drain)
    except SettingsError as error:
        sys.exit(str(error))
    except (SQLAlchemyError, OSError) as error:
        sys.exit(f"The database cannot be used: {' '.join(str(error).split())}")
    _serve(app, settings, drain)


def _serve(app: FastAPI, settings: GatewaySettings, drain: Drain) -> NoReturn:
    start_log()
    config = Config(
        app,
        interface="asgi3",
        host=settings.bind_addr,
        port=settings.gateway_port,
        loop="uvloop" if sys.platform != "win32" else "asyncio",
        http=CallerConnection,
        log_config=None,
        access_log=False,  # the relay logs one line a request itself
        server_header=False,
        ws=protocol,  # type: ignore[arg-type]  # called with the options of a class
        ws_max_size=settings.gateway_max_body_bytes,
        ws_per_message_deflate=False,  # a small frame must not grow to a large one
        proxy_headers=False,  # an address in a header could be made up
        timeout_graceful_shutdown=GRACE_S,
    )
    server = DrainingServer(config, drain)
    # For a signal before uvicorn listens to them, or after.
    signal.signal(signal.SIGTERM, _exit)
    signal.signal(signal.SIGINT, _exit)
    logging.getLogger(__name__).info(
        "gateway on http://%s:%d, model server %s",
        settings.bind_addr,
        settings.gateway_port,
        settings.lmstudio_url,
    )
    shared = settings.sqlalchemy_url.startswith("postgresql")
    if shared and not settings.gateway_key_pepper.get_secret_value():
        logging.getLogger(__name__).warning(
            "GATEWAY_KEY_PEPPER is not set: another gateway on this database will know no key"
        )
    gc.freeze()  # what was made until now stays: collections need not walk through it
    server.run()
    _end(0 if server.started else 1)


def _exit(_signal: int, _frame: FrameType | None) -> None:
    _end(0)


def _end(code: int) -> NoReturn:
    """Impatience must not turn a clean end into a crash, so there is nothing to be broken off.

    sys.exit would put the default handlers back, which kill; and for a signal that another thread
    is just taking while SIG_IGN is set, Python would print a traceback.
    """
    logging.shutdown()
    os._exit(code)
