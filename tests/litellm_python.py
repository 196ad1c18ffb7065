"""An interpreter with LiteLLM, which wants an older openai than the UIs do.

Owns the environment of its own, made from the lock in `peers/litellm` and kept between runs.
"""

from __future__ import annotations

import subprocess
import venv
from pathlib import Path

from tests.running import ROOT

LOCK = Path(__file__).parent / "peers" / "litellm" / "requirements.txt"
HOME = ROOT / ".lectern" / "peers" / "litellm"


def litellm_python() -> Path:
    """Its Python; installs it when the lock has changed."""
    stamp, python = HOME / "installed", HOME / "bin" / "python"
    if not stamp.exists() or stamp.read_text() != LOCK.read_text():
        venv.create(HOME, with_pip=True, clear=True)
        quiet = ("--quiet", "--disable-pip-version-check")
        command = (str(python), "-m", "pip", "install", *quiet, "--require-hashes", "-r", str(LOCK))
        subprocess.run(command, check=True)
        stamp.write_text(LOCK.read_text())
    return python
