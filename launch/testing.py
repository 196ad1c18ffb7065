"""`make test`, `make check`, `make pictures`: set up, run what can run, say what could not.

Owns the order and the closing list; which part is missing is found by the tests' own fixtures.
"""

from __future__ import annotations

import os
import xml.etree.ElementTree as ElementTree
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from launch.commands import Commands, Say
from launch.virtualenv import SERVICE_LOCKS, TEST_LOCKS, Virtualenv

TYPED = ("services", "launch", "training", "tests")
REPORT = Path(".lectern/tests.xml")


def set_up(commands: Commands, say: Say) -> tuple[Virtualenv, list[str]]:
    """The environment with everything the tests need; what it could not get, as sentences."""
    venv = Virtualenv(commands, commands.root, say)
    venv.ensure((*SERVICE_LOCKS, *TEST_LOCKS), "all packages for the tests")
    problem = venv.try_torch()
    return venv, [problem] if problem else []


def run_tests(commands: Commands, say: Say, arguments: Sequence[str]) -> int:
    """Runs pytest with `arguments` added; its exit code."""
    venv, problems = set_up(commands, say)
    report = commands.root / REPORT
    report.parent.mkdir(exist_ok=True)
    command = (str(venv.python), "-m", "pytest", f"--junitxml={report}", *arguments)
    code = commands.show(command, {**os.environ, "PYTHONUNBUFFERED": "1"})
    lines = closing_list(report.read_text(encoding="utf-8")) if report.is_file() else []
    if lines or problems:
        say("\nNot run on this machine:")
        for line in (*problems, *lines):
            say(f"  - {line}")
    return code


def take_pictures(commands: Commands, say: Say, names: Sequence[str]) -> int:
    """Takes the documents' pictures anew, all or those of `names`; the exit code."""
    venv, _ = set_up(commands, say)
    path = {"PYTHONPATH": f"{commands.root / 'services'}"}
    return commands.show((str(venv.python), "-m", "tests.pictures", *names), {**os.environ, **path})


def closing_list(junit: str) -> list[str]:
    """Each reason for skipped tests once, with how many they were."""
    root = ElementTree.fromstring(junit)  # noqa: S314 (our own pytest wrote it)
    reasons = Counter(
        (skipped.get("message") or "no reason given").strip() for skipped in root.iter("skipped")
    )
    return [
        f"{count} test{'' if count == 1 else 's'}: {reason}"
        for reason, count in sorted(reasons.items())
    ]


def check(commands: Commands, say: Say, arguments: Sequence[str]) -> int:
    """Lint, format, types, then the tests; the exit code of the first that fails."""
    venv, _ = set_up(commands, say)
    python = str(venv.python)
    for words in (("ruff", "check", "."), ("ruff", "format", "--check", "."), ("mypy", *TYPED)):
        say(f"$ {' '.join(words)}")
        code = commands.show((python, "-m", *words))
        if code:
            return code
    return run_tests(commands, say, arguments)
