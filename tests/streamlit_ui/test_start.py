"""Starting and stopping the page as a process."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.running import ROOT, free_port, running


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
