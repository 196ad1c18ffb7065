"""Starting and stopping the page as a process."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.running import ROOT, free_port, running

# Gives the page asyncio's own loop, as in its image, which has no uvloop, and has it tell of each
# connection whether a small message leaves at once.
TELLING = """
import socket, sys
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
sys.modules["uvloop"] = None
def telling(made):
    def connection_made(self, transport):
        accepted = transport.get_extra_info("socket")
        at_once = accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
        print("leaves at once:", bool(at_once), flush=True)
        made(self, transport)
    return connection_made
for protocol in (H11Protocol, HttpToolsProtocol):
    protocol.connection_made = telling(protocol.connection_made)
"""


def test_sigterm_ends_it_in_good_order(tmp_path: Path) -> None:
    with running("streamlit_ui", tmp_path, {"LMSTUDIO_URL": "http://127.0.0.1:9"}) as service:
        assert service.stop() == 0
        assert "Traceback" not in service.log


def test_sigterm_again_and_again_is_still_a_clean_end(tmp_path: Path) -> None:
    with running("streamlit_ui", tmp_path, {"LMSTUDIO_URL": "http://127.0.0.1:9"}) as service:
        assert service.stop_impatiently() == 0, service.log
        assert "Traceback" not in service.log


def test_a_bad_setting_is_one_sentence() -> None:
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(ROOT / "services"),
        "STREAMLIT_PORT": str(free_port()),
        "LMSTUDIO_URL": "desk",
    }
    done = subprocess.run(
        [sys.executable, "-m", "streamlit_ui"],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr == (
        "LMSTUDIO_URL = 'desk': must be an address such as http://127.0.0.1:1234\n"
    )


def test_a_message_does_not_wait_for_the_browser_to_acknowledge_the_one_before(
    tmp_path: Path,
) -> None:
    (tmp_path / "sitecustomize.py").write_text(TELLING)
    path = f"{tmp_path}{os.pathsep}{ROOT / 'services'}"
    environment = {"PYTHONPATH": path, "LMSTUDIO_URL": "http://127.0.0.1:9"}
    with running("streamlit_ui", tmp_path, environment) as service:
        told = [line for line in service.log.splitlines() if line.startswith("leaves at once:")]
        assert set(told) == {"leaves at once: True"}
