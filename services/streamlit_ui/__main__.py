"""Starts the page: `python -m streamlit_ui`, settings from the environment, SIGTERM to stop.

Owns: Streamlit's own options. They stand here and not in a file, so that the page behaves the same
from whatever folder it is started.
"""

from __future__ import annotations

import asyncio
import signal
import socket
import sys
from pathlib import Path

from pydantic import ValidationError
from streamlit.web import bootstrap
from streamlit.web.server import Server
from streamlit.web.server.starlette import starlette_server
from streamlit.web.server.starlette.starlette_server import _bind_socket as bind_socket

from chat_client import ChatSettings, settings_problem
from chat_client.background import background_loop
from chat_client.process_end import end_process
from chat_client.warm_up import warm_up
from streamlit_ui.attachments_panel import LARGEST_MB
from streamlit_ui.look import THEME
from streamlit_ui.settings import StreamlitSettings

SCRIPT = Path(__file__).with_name("app.py")
# Python's 5 ms are long beside a first token: a page that is being drawn would hold up the thread
# that asks the model by several of them.
SWITCH_S = 0.0005


def options(settings: StreamlitSettings) -> dict[str, object]:
    """Streamlit's options by their names: no telemetry, no development helpers, our theme."""
    return {
        "server.address": settings.bind_addr,
        "server.port": settings.streamlit_port,
        "server.headless": True,
        "server.fileWatcherType": "none",
        "server.enableXsrfProtection": True,
        "server.enableCORS": True,
        "server.enableStaticServing": False,
        "server.maxUploadSize": LARGEST_MB,
        "server.showEmailPrompt": False,
        "browser.gatherUsageStats": False,
        "client.toolbarMode": "minimal",
        "client.showErrorDetails": "none",
        "client.showErrorLinks": False,
        "logger.hideWelcomeMessage": True,
        "runner.magicEnabled": False,
        # A preset or a demo sets widgets that have a default: that is meant.
        "global.disableWidgetStateDuplicationWarning": True,
        # A full collection after each run would halt every page for a tenth of a second, Stop too.
        "runner.postScriptGC": False,
        # A click while an answer comes must end the run in a way that can be told from Stop.
        "runner.fastReruns": False,
        **THEME,
    }


def main() -> int:
    """Runs until SIGTERM; the exit code."""
    try:
        settings = StreamlitSettings()
        chat = ChatSettings()
    except ValidationError as error:
        sys.stderr.write(settings_problem(error) + "\n")
        return 2
    sys.setswitchinterval(SWITCH_S)
    asyncio.run_coroutine_threadsafe(warm_up(chat), background_loop())
    chosen = options(settings)
    bootstrap.load_config_options(chosen)
    sys.stderr.write(
        f"Streamlit page on http://{settings.bind_addr}:{settings.streamlit_port}, "
        f"model server {chat.root_url}\n"
    )
    bootstrap._set_up_signal_handler = _stop_at_a_signal
    starlette_server._bind_socket = _bind_sending_at_once
    bootstrap.run(str(SCRIPT), is_hello=False, args=[], flag_options=chosen)
    return 0


def _bind_sending_at_once(address: str, port: int, backlog: int) -> socket.socket:
    """Streamlit's binding, for connections that hold nothing back.

    Else a message waits until the browser has acknowledged the one before, which it puts off for
    40 ms or more: two in a row are a picture that is late. uvloop spares that, asyncio does not.
    """
    listener = bind_socket(address, port, backlog)
    # Each connection that it accepts inherits this.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener


def _stop_at_a_signal(server: Server) -> None:
    """In the place of Streamlit's handlers, which print with each signal, one into the other."""
    loop = asyncio.get_running_loop()

    def stop(*_: object) -> None:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: None)  # impatience must not make a crash of it
        loop.call_soon_threadsafe(server.stop)

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)


if __name__ == "__main__":
    end_process(main())
