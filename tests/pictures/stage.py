"""What the pictures are taken of: the services as `make demo` starts them, on its ports.

Owns: their starting in the right order, and a page of the real Chromium at one size and in one
colour scheme. What is done on the page is a scene's.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from playwright.sync_api import Browser, sync_playwright

from chat_client import ChatSettings, Room, blocking
from engine.quantize import quantize_teaching_model
from tests.conftest import CHROMIUM_ARGS, chromium_path
from tests.running import Service, free_port, running

# The addresses that a reader will see on their own machine.
PORTS = {"engine": 1234, "gateway": 8000, "streamlit_ui": 8501, "gradio_ui": 7860}


@dataclass(frozen=True)
class Stage:
    """The running services, by what a scene needs of them."""

    room: Room
    gateway: Service
    streamlit: Service
    gradio: Service
    #: The two pages again, in front of a model server that is away.
    streamlit_alone: Service
    gradio_alone: Service

    def clear(self) -> None:
        """Takes every chat away, so that a picture shows only what its scene did."""
        for conversation in blocking(self.room.page()).conversations:
            blocking(self.room.erase(conversation.id))


@contextmanager
def stage() -> Iterator[Stage]:
    """Starts everything and stops it at the end; nothing of it is kept."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory()))
        teaching = folder / "teaching"
        teaching.mkdir()
        quantize_teaching_model(teaching)

        def start(name: str, env: dict[str, str], port: int = 0) -> Service:
            return stack.enter_context(running(name, folder, env, port=port))

        engine = start("engine", {"ENGINE_TEACHING_DIR": str(teaching)}, PORTS["engine"])
        ui = {
            "GATEWAY_URL": f"http://127.0.0.1:{PORTS['gateway']}",
            "GATEWAY_UI_KEY_FILE": str(folder / "ui-key"),
        }
        here = {**ui, "LMSTUDIO_URL": engine.url}
        away = {**ui, "LMSTUDIO_URL": f"http://127.0.0.1:{free_port()}"}
        gateway = start(
            "gateway", {**here, "GATEWAY_DATA_DIR": str(folder / "data")}, PORTS["gateway"]
        )
        yield Stage(
            Room(ChatSettings(gateway_url=gateway.url, gateway_ui_key_file=folder / "ui-key")),
            gateway,
            start("streamlit_ui", here, PORTS["streamlit_ui"]),
            start("gradio_ui", here, PORTS["gradio_ui"]),
            start("streamlit_ui", away),
            start("gradio_ui", away),
        )


@contextmanager
def chromium() -> Iterator[Browser]:
    """The system's Chromium."""
    path = chromium_path()
    if path is None or not shutil.which(path):
        raise SystemExit("Chromium is needed to take pictures: install it, or set CHROMIUM.")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=CHROMIUM_ARGS)
        yield browser
        browser.close()
