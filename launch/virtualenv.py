"""The virtual environment `.venv/` and what is installed into it.

Packages come from the committed locks with their hashes checked; a stamp of the locks' content says
that nothing is to be done. Owns no decision about what runs.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from launch.commands import Commands, Say
from launch.errors import LaunchError

OLDEST = (3, 11)
NEWEST = (3, 13)
CANDIDATES = ("python3.13", "python3.12", "python3.11", "python3", "python")
SERVICE_LOCKS = (
    "launch/requirements.txt",
    "services/gateway/requirements.txt",
    "services/engine/requirements.txt",
    "services/streamlit_ui/requirements.txt",
    "services/gradio_ui/requirements.txt",
)
TEST_LOCKS = ("tests/requirements.txt", "training/requirements.txt")
TORCH = "torch==2.13.0"
# Found, not imported: that alone would take seconds.
_HAS_TORCH = "import importlib.util, sys; sys.exit(importlib.util.find_spec('torch') is None)"
_VERSION = "import sys; print('%d %d' % sys.version_info[:2])"


@dataclass(frozen=True)
class Virtualenv:
    """`.venv/` below `root`."""

    commands: Commands
    root: Path
    say: Say

    @property
    def folder(self) -> Path:
        return self.root / ".venv"

    @property
    def python(self) -> Path:
        return self.folder / "bin" / "python"

    def ensure(self, locks: Sequence[str], what: str) -> None:
        """Makes `locks` installed; does nothing when a stamp says that they are."""
        content = b"".join((self.root / lock).read_bytes() for lock in locks)
        digest = hashlib.sha256(content).hexdigest()
        if self.python.exists() and self._stamps().get(what) == digest:
            return
        self._create()
        self.say(f"Installing {what} into .venv (the first time: a minute or two).")
        files = [word for lock in locks for word in ("-r", lock)]
        outcome = self.commands.run((*self._pip("install"), "--require-hashes", *files))
        if not outcome.ok:
            raise LaunchError(f"{outcome.err[-2000:]}\n{what.capitalize()} could not be installed.")
        self._stamp(what, digest)

    def try_torch(self) -> str:
        """Installs PyTorch where this machine can have it; returns why not, else nothing."""
        if self.commands.run((str(self.python), "-c", _HAS_TORCH)).ok:
            return ""
        self.say(f"Installing {TORCH} into .venv, for the training's tests (large).")
        outcome = self.commands.run((*self._pip("install"), TORCH))
        if outcome.ok:
            return ""
        last = outcome.err.strip().splitlines()[-1:] or ["pip said nothing"]
        return f"{TORCH} could not be installed: {last[0]}"

    def _create(self) -> None:
        if self.commands.run((str(self.python), "-m", "pip", "--version")).ok:
            return
        python = find_python(self.commands)
        self.say(f"Creating .venv with {python}.")
        outcome = self.commands.run((python, "-m", "venv", "--clear", str(self.folder)))
        if not outcome.ok:
            raise LaunchError(
                f"{(outcome.err or outcome.out).strip()}\n"
                f"`{python} -m venv` failed. On Debian and Ubuntu: apt install python3-venv."
            )

    def _pip(self, word: str) -> tuple[str, ...]:
        quiet = ("--quiet", "--no-input", "--disable-pip-version-check", "--progress-bar", "off")
        return (str(self.python), "-m", "pip", word, *quiet)

    def _stamps(self) -> dict[str, str]:
        try:
            stamps = json.loads((self.folder / "lectern.json").read_text())
        except (OSError, ValueError):
            return {}
        return stamps if isinstance(stamps, dict) else {}

    def _stamp(self, what: str, digest: str) -> None:
        stamps = {**self._stamps(), what: digest}
        (self.folder / "lectern.json").write_text(json.dumps(stamps, indent=1))


def find_python(commands: Commands) -> str:
    """An interpreter that the services run on; `LaunchError` with the fix when there is none."""
    for name in (sys.executable, *CANDIDATES):
        path = shutil.which(name)
        if path is None:
            continue
        outcome = commands.run((path, "-c", _VERSION))
        if outcome.ok and OLDEST <= tuple(map(int, outcome.out.split())) <= NEWEST:
            return path
    version = ".".join(map(str, sys.version_info[:2]))
    raise LaunchError(
        f"Running without Docker needs Python 3.11, 3.12 or 3.13, and this is {version}: install "
        "one of them (for example `apt install python3 python3-venv`), or start Docker."
    )
