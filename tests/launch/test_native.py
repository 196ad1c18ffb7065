"""`make` without Docker, for real: a copy of the repository, its own ports, its own data.

One launch serves all tests; they run in the order of a person's day, and the last one ends it.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.error import HTTPError

import pytest

from launch.catalogue import ALL
from tests.running import ROOT, answers, free_port, missing, wait_until

FOLDERS = ("launch", "services", "models")


@dataclass
class Checkout:
    """A copy of the repository, and `make` in it with ports that nobody else has."""

    folder: Path
    ports: dict[str, int]
    make_path: str

    def make(self, *words: str, **more: str) -> subprocess.CompletedProcess[str]:
        environment = {
            **{name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ},
            **{f"{name.upper()}_PORT": str(port) for name, port in self.ports.items()},
            "LECTERN_RUNTIME": "native",
            "PYTHON": sys.executable,
            # Nobody is there but, later, our own engine: no LM Studio, whatever this machine runs.
            "LMSTUDIO_URL": f"http://127.0.0.1:{self.ports['engine']}",
            **more,
        }
        command = [self.make_path, "-s", *words]
        return subprocess.run(
            command, cwd=self.folder, env=environment, capture_output=True, text=True, check=False
        )

    def url(self, name: str) -> str:
        return f"http://127.0.0.1:{self.ports[name]}"

    def pids(self) -> dict[str, int]:
        """The process of each program that runs, as supervisord knows it."""
        control = (sys.executable, "-m", "supervisor.supervisorctl")
        config = str(self.folder / ".lectern" / "supervisord.conf")
        done = subprocess.run(
            [*control, "-c", config, "status"], capture_output=True, text=True, check=False
        )
        rows = (line.split() for line in done.stdout.splitlines())
        return {row[0]: int(row[3].rstrip(",")) for row in rows if row[1] == "RUNNING"}

    def all_pids(self) -> dict[str, int]:
        """The same once supervisord counts every program as running, which takes it 3 seconds."""
        wait_until(lambda: len(self.pids()) == len(ALL), "every program to run")
        return self.pids()


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Checkout]:
    make = shutil.which("make")
    if make is None:
        missing("make", "install it (for example `apt install make`)")
    folder = tmp_path_factory.mktemp("checkout")
    for name in FOLDERS:
        shutil.copytree(
            ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__", "*-q?_0.gguf")
        )
    shutil.copy(ROOT / "Makefile", folder)
    # The packages are those of this run; that they can be installed is what this run shows.
    (folder / ".venv").symlink_to(sys.prefix)
    checkout = Checkout(folder, {service.name: free_port() for service in ALL}, make)
    yield checkout
    checkout.make("down")


@pytest.fixture(scope="module")
def launched(checkout: Checkout) -> subprocess.CompletedProcess[str]:
    """The first `make demo`."""
    done = checkout.make("demo")
    assert done.returncode == 0, done.stderr
    return done


def test_everything_is_healthy_when_the_command_returns(
    checkout: Checkout, launched: subprocess.CompletedProcess[str]
) -> None:
    assert "Running natively" in launched.stderr
    assert "the bundled engine stands in" in launched.stderr
    for service in ALL:
        assert answers(checkout.url(service.name) + service.health_path)
        assert checkout.url(service.name) in launched.stdout


def test_the_printed_curl_line_streams_an_answer(
    launched: subprocess.CompletedProcess[str],
) -> None:
    if shutil.which("curl") is None:
        missing("curl", "install it (for example `apt install curl`)")
    line = next(line for line in launched.stdout.splitlines() if line.startswith("curl "))
    done = subprocess.run(["bash", "-c", line], capture_output=True, text=True, check=False)
    chunks = [row for row in done.stdout.splitlines() if row.startswith("data: {")]
    assert len(chunks) > 3
    assert done.stdout.rstrip().endswith("data: [DONE]")


def test_twice_changes_nothing(
    checkout: Checkout, launched: subprocess.CompletedProcess[str]
) -> None:
    before = checkout.all_pids()
    again = checkout.make("demo")
    assert again.returncode == 0, again.stderr
    assert checkout.pids() == before
    assert again.stdout == launched.stdout


@pytest.mark.usefixtures("launched")
def test_a_key_is_alone_on_standard_output_and_works(checkout: Checkout) -> None:
    done = checkout.make("key", "NAME=ana")
    key = done.stdout.removesuffix("\n")
    assert key.startswith("lk-")
    assert "\n" not in key
    url = f"{checkout.url('gateway')}/v1/models"
    request = urllib.request.Request(url, headers={"Authorization": f"Bearer {key}"})  # noqa: S310

    def served() -> bool:  # a running gateway learns of a new key within moments
        try:
            with urllib.request.urlopen(request, timeout=60) as response:  # noqa: S310
                return bool(json.load(response)["data"])
        except HTTPError:
            return False

    wait_until(served, "the new key to be accepted")


@pytest.mark.usefixtures("launched")
def test_the_gateways_commands_run_through_make(checkout: Checkout) -> None:
    made = checkout.make("lectern", "ARGS=keys create --name bob --rpm 3 --json")
    assert json.loads(made.stdout)["rpm"] == 3
    assert "bob" in checkout.make("lectern", "ARGS=keys list").stdout
    assert "is revoked" in checkout.make("lectern", "ARGS=keys revoke bob").stderr


@pytest.mark.usefixtures("launched")
def test_the_demo_key_is_the_one_in_the_table(
    checkout: Checkout, launched: subprocess.CompletedProcess[str]
) -> None:
    key = checkout.make("demo-key").stdout.strip()
    assert key.startswith("lk-")
    assert key in launched.stdout


@pytest.mark.usefixtures("launched")
def test_status_names_what_runs(checkout: Checkout) -> None:
    text = checkout.make("status").stdout
    for service in ALL:
        line = next(line for line in text.splitlines() if service.title in line)
        assert checkout.url(service.name) in line
        assert line.endswith(" healthy")


@pytest.mark.usefixtures("launched")
def test_a_service_that_dies_comes_back(checkout: Checkout) -> None:
    pid = checkout.all_pids()["gateway"]
    os.kill(pid, 9)
    health = f"{checkout.url('gateway')}/healthz"

    def back() -> bool:
        return checkout.pids().get("gateway", pid) != pid and answers(health)

    wait_until(back, "the gateway to be started anew")


@pytest.mark.usefixtures("launched")
def test_changed_sources_restart_only_their_service(checkout: Checkout) -> None:
    before = checkout.all_pids()
    source = checkout.folder / "services" / "gateway" / "__init__.py"
    source.write_text(source.read_text() + "\n# edited\n")
    assert checkout.make("demo").returncode == 0
    after = checkout.all_pids()
    assert {name for name in after if after[name] != before[name]} == {"gateway"}


@pytest.mark.usefixtures("launched")
def test_down_leaves_no_process(checkout: Checkout) -> None:
    pids = checkout.pids()
    supervisor = int((checkout.folder / ".lectern" / "supervisord.pid").read_text())
    done = checkout.make("down")
    assert done.returncode == 0, done.stderr
    for pid in (*pids.values(), supervisor):
        assert not Path(f"/proc/{pid}").exists() or sys.platform != "linux"
    for service in ALL:
        assert not answers(checkout.url(service.name) + service.health_path)
    assert "Nothing is running" in checkout.make("status").stdout
    assert "make demo" in checkout.make("key", "NAME=bob").stderr
