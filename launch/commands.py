"""Running other programs: one seam that tests replace.

Owns the call and what came of it. Whether a failure matters is the caller's business.
"""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

TIMED_OUT = 124


@dataclass(frozen=True)
class Outcome:
    """The exit code and the text of a finished program; 127 when it does not exist."""

    code: int
    out: str = ""
    err: str = ""

    @property
    def ok(self) -> bool:
        return self.code == 0


@dataclass(frozen=True)
class Commands:
    """Runs programs in `root`."""

    root: Path

    def run(
        self,
        command: Sequence[str],
        env: Mapping[str, str] | None = None,
        timeout_s: float | None = None,
    ) -> Outcome:
        """Runs to the end and returns what it said; never raises for a failure."""
        try:
            done = subprocess.run(
                command,
                cwd=self.root,
                env=env,
                capture_output=True,
                text=True,
                errors="replace",
                check=False,
                stdin=subprocess.DEVNULL,
                timeout=timeout_s,
            )
        except FileNotFoundError:
            return Outcome(127, err=f"{command[0]}: not found")
        except subprocess.TimeoutExpired:
            return Outcome(TIMED_OUT, err=f"{command[0]}: no answer within {timeout_s:g} s")
        return Outcome(done.returncode, done.stdout, done.stderr)

    def show(self, command: Sequence[str], env: Mapping[str, str] | None = None) -> int:
        """Runs with this terminal's output and returns the exit code."""
        try:
            return subprocess.run(command, cwd=self.root, env=env, check=False).returncode
        except FileNotFoundError:
            return 127
        except KeyboardInterrupt:  # Ctrl-C ends `make logs`
            return 130


Say = Callable[[str], None]
