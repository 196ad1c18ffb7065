"""The services of one run: the paced model server, the gateway that keeps the chats, one UI.

Owns their environment, starting and ending them. Each start is fresh: a folder and data of its own.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from subprocess import Popen
from typing import Any

from bench.machine import HERE, ROOT, answers, free_port, start, stop, wait_for

READY_S = 60.0
PASSED = ("PATH", "PYTHONPYCACHEPREFIX")


@dataclass(frozen=True)
class Ui:
    """Where a UI's parts are in the browser, and what its process is called."""

    name: str
    module: str
    port_variable: str
    health: str
    box: str
    stop: str


STREAMLIT = Ui(
    "Streamlit",
    "streamlit_ui",
    "STREAMLIT_PORT",
    "/_stcore/health",
    '[data-testid="stChatInput"] textarea:not([disabled])',
    '[data-testid="stChatInputStopButton"]',
)
GRADIO = Ui(
    "Gradio",
    "gradio_ui",
    "GRADIO_PORT",
    "/healthz",
    "#question textarea",
    "#question .stop-button",
)
FLOOR = Ui("floor", "", "", "", "textarea", "button")
UIS = {"streamlit": STREAMLIT, "gradio": GRADIO, "floor": FLOOR}


@dataclass
class Upstream:
    """The paced model server, asked what it remembers."""

    port: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def told(self) -> dict[str, Any]:
        """The last answer."""
        rows = self._read("/told?last")
        return rows[0] if rows else {"turn": -1}

    def all_told(self) -> list[dict[str, Any]]:
        """Every answer so far."""
        return self._read("/told")

    def _read(self, path: str) -> list[dict[str, Any]]:
        with urllib.request.urlopen(self.url + path, timeout=5) as response:  # noqa: S310 (ours)
            rows: list[dict[str, Any]] = json.load(response)
        return rows


@dataclass
class Running:
    """One UI under way with what it needs."""

    ui: Ui
    url: str
    upstream: Upstream
    process: Popen[str] | None
    start_s: float

    def terminate(self) -> float:
        """Sends SIGTERM to the UI; the moment at which it was sent."""
        assert self.process is not None
        at = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        return at


@contextmanager
def running_ui(
    ui: Ui, folder: Path, root: Path = ROOT, python: str = sys.executable
) -> Iterator[Running]:
    """Model server, gateway and UI, ended in the opposite order; `python` runs the latter two.

    `{service}` in it stands for the name of the one that is started.
    """
    upstream = Upstream(free_port())
    server = [sys.executable, str(HERE / "ui_upstream.py"), str(upstream.port)]
    with _process(server, folder / "model-server.log"):
        wait_for(lambda: answers(upstream.port, "/v1/models"), "the paced model server", READY_S)
        if not ui.module:
            yield Running(ui, f"{upstream.url}/floor", upstream, None, 0.0)
            return
        port = free_port()
        env = _environment(upstream, folder, root) | {ui.port_variable: str(port)}
        with _process(_command(python, "gateway"), folder / "gateway.log", env):
            gateway = int(env["GATEWAY_PORT"])
            wait_for(lambda: answers(gateway, "/healthz"), "the gateway", READY_S)
            with _process(_command(python, ui.module), folder / "ui.log", env) as process:
                start_s = wait_for(lambda: answers(port, ui.health), ui.name, READY_S)
                yield Running(ui, f"http://127.0.0.1:{port}", upstream, process, start_s)


def _command(python: str, service: str) -> list[str]:
    return [python.format(service=service), "-m", service]


def _environment(upstream: Upstream, folder: Path, root: Path) -> dict[str, str]:
    """As `make` starts them natively: chats straight to the model server, kept by the gateway."""
    port = free_port()
    passed = {name: os.environ[name] for name in PASSED if name in os.environ}
    return passed | {
        "HOME": str(folder),
        "PYTHONPATH": str(root / "services"),
        "BIND_ADDR": "127.0.0.1",
        "LMSTUDIO_URL": upstream.url,
        "GATEWAY_PORT": str(port),
        "GATEWAY_URL": f"http://127.0.0.1:{port}",
        "GATEWAY_DATA_DIR": str(folder / "data"),
        "GATEWAY_UI_KEY_FILE": str(folder / "ui-key"),
    }


@contextmanager
def _process(
    command: list[str], log: Path, env: dict[str, str] | None = None
) -> Iterator[Popen[str]]:
    process = start(command, None, env, log)
    try:
        yield process
    finally:
        stop(process)
