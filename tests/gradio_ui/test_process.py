"""The service as a process: it starts alone, refuses bad settings in a sentence, stops cleanly."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

from tests.gradio_ui.upstream import Upstream
from tests.running import ROOT, answers, running


def test_it_starts_without_a_model_server_and_stops_with_an_open_tab(tmp_path: Path) -> None:
    with running("gradio_ui", tmp_path, {"LMSTUDIO_URL": "http://127.0.0.1:9"}) as service:
        assert answers(f"{service.url}/")
        with socket.create_connection(("127.0.0.1", service.port), timeout=60) as tab:
            tab.sendall(b"GET /gradio_api/heartbeat/tab HTTP/1.1\r\nHost: lectern\r\n\r\n")
            assert tab.recv(64).startswith(b"HTTP/1.1 200")
            assert service.stop(timeout_s=30) == 0
        assert "Traceback" not in service.log


def test_sigterm_again_and_again_is_still_a_clean_end(tmp_path: Path) -> None:
    with running("gradio_ui", tmp_path, {"LMSTUDIO_URL": "http://127.0.0.1:9"}) as service:
        assert service.stop_impatiently() == 0, service.log
        assert "Traceback" not in service.log


def test_it_listens_on_the_loopback_only_unless_told(
    tmp_path: Path, model_server: Upstream
) -> None:
    with running("gradio_ui", tmp_path, {"LMSTUDIO_URL": model_server.url}) as service:
        assert service.url.startswith("http://127.0.0.1")
        assert f"http://127.0.0.1:{service.port}" in service.log


def test_a_bad_setting_is_refused_in_one_sentence() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "gradio_ui"],
        cwd=ROOT,
        env={
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(ROOT / "services"),
            "CHAT_CONCURRENCY": "none",
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 2
    assert done.stderr.startswith("CHAT_CONCURRENCY = 'none': ")
    assert len(done.stderr.splitlines()) == 1
