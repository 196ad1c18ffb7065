"""`make lock`: one hash-locked `requirements.txt` beside each `requirements.in`.

All are resolved together first, and that result constrains each: so one environment can hold every
service, and two services never ship two versions of one package. What has an environment of its own
is resolved apart.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from launch.commands import Commands, Say
from launch.errors import LaunchError
from launch.virtualenv import SERVICE_LOCKS, TEST_LOCKS, Virtualenv

FOLDERS = tuple(str(Path(lock).parent) for lock in (*SERVICE_LOCKS, *TEST_LOCKS))
APART = ("tests/peers/litellm",)
UNIVERSAL = ("--quiet", "--universal", "--python-version", "3.11", "--no-header", "--no-annotate")


def lock(commands: Commands, say: Say) -> None:
    """Writes every lock anew, with the newest versions that agree."""
    root = commands.root
    venv = Virtualenv(commands, root, say)
    venv.ensure(TEST_LOCKS, "the tests' packages")
    compile_command = (str(venv.python), "-m", "uv", "pip", "compile", *UNIVERSAL)
    with tempfile.TemporaryDirectory() as scratch:
        together, constraints = Path(scratch, "all.in"), Path(scratch, "constraints.txt")
        inputs = [(root / folder / "requirements.in").read_text() for folder in FOLDERS]
        together.write_text("\n".join(inputs))
        _run(commands, (*compile_command, str(together), "-o", str(constraints)))
        for folder in (*FOLDERS, *APART):
            say(f"locking {folder}")
            bound = () if folder in APART else ("-c", str(constraints))
            pinned = (*compile_command, "--generate-hashes", *bound)
            target = ("-o", f"{folder}/requirements.txt", "--upgrade")
            _run(commands, (*pinned, f"{folder}/requirements.in", *target))


def _run(commands: Commands, command: tuple[str, ...]) -> None:
    outcome = commands.run(command)
    if not outcome.ok:
        raise LaunchError(outcome.err.strip())
