"""When packages are installed and when not, and what is said where it cannot be."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from launch.commands import Commands, Outcome
from launch.errors import LaunchError
from launch.virtualenv import Virtualenv, find_python

LOCK = "requirements.txt"


@dataclass(frozen=True)
class Recorded(Commands):
    """Commands that are only written down; `outcomes` answers those that hold a given word."""

    outcomes: dict[str, Outcome] = field(default_factory=dict)
    calls: list[Sequence[str]] = field(default_factory=list)

    def run(
        self,
        command: Sequence[str],
        env: Mapping[str, str] | None = None,
        timeout_s: float | None = None,
    ) -> Outcome:
        assert env is None
        assert timeout_s is None
        self.calls.append(command)
        words = " ".join(command)
        return next((o for word, o in self.outcomes.items() if word in words), Outcome(0))

    def installs(self) -> int:
        return sum("--require-hashes" in call for call in self.calls)


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    (tmp_path / ".venv" / "bin").mkdir(parents=True)
    (tmp_path / ".venv" / "bin" / "python").touch()
    (tmp_path / LOCK).write_text("a==1\n")
    return tmp_path


def test_the_same_locks_are_installed_once(repository: Path) -> None:
    commands = Recorded(repository)
    venv = Virtualenv(commands, repository, print)
    venv.ensure([LOCK], "packages")
    venv.ensure([LOCK], "packages")
    assert commands.installs() == 1


def test_a_changed_lock_is_installed_again(repository: Path) -> None:
    commands = Recorded(repository)
    venv = Virtualenv(commands, repository, print)
    venv.ensure([LOCK], "packages")
    (repository / LOCK).write_text("a==2\n")
    venv.ensure([LOCK], "packages")
    assert commands.installs() == 2


def test_a_failed_installation_is_tried_again(repository: Path) -> None:
    commands = Recorded(repository, {"--require-hashes": Outcome(1, "", "no network")})
    venv = Virtualenv(commands, repository, print)
    for _ in range(2):
        with pytest.raises(LaunchError, match="no network"):
            venv.ensure([LOCK], "packages")
    assert commands.installs() == 2


def test_a_missing_venv_module_is_explained(repository: Path) -> None:
    broken = {
        "-m pip --version": Outcome(1),
        "-c import": Outcome(0, "3 11\n"),
        "-m venv": Outcome(1, "ensurepip is not available"),
    }
    venv = Virtualenv(Recorded(repository, broken), repository, print)
    with pytest.raises(LaunchError, match="apt install python3-venv"):
        venv.ensure([LOCK], "packages")


@pytest.mark.parametrize("version", ["3 9", "3 10", "3 14"])
def test_a_python_that_cannot_run_the_services_is_refused(tmp_path: Path, version: str) -> None:
    with pytest.raises(LaunchError, match=r"Python 3\.11, 3\.12 or 3\.13"):
        find_python(Recorded(tmp_path, {"-c": Outcome(0, version)}))


def test_pytorch_is_optional(repository: Path) -> None:
    outcomes = {"find_spec": Outcome(1), "torch==": Outcome(1, "", "x\nno matching version\n")}
    venv = Virtualenv(Recorded(repository, outcomes), repository, print)
    assert venv.try_torch().endswith("no matching version")
