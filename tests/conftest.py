"""Fixtures that every folder of tests shares: the real services, the real browser, Docker.

A part that this machine lacks skips its tests and is named at the end of the run; with CI=true it
is a failure instead, so that nothing stays untested unseen.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from playwright.sync_api import Browser, sync_playwright

from tests.reader import Reader
from tests.running import ROOT, Service, missing, running
from tests.state_servers import StateServer, postgresql_server, valkey_server

# Speed is no property that a test may judge: a busy machine must not make one fail.
settings.register_profile("lectern", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("lectern")

CHROMIUM_ARGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture(scope="session")
def run_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the logs and data of the session's services go."""
    return tmp_path_factory.mktemp("run")


@pytest.fixture(scope="session")
def teaching_models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the teaching model's three files, quantized once a session."""
    from engine.quantize import quantize_teaching_model

    folder = tmp_path_factory.mktemp("teaching")
    quantize_teaching_model(folder)
    return folder


@pytest.fixture(scope="session")
def engine(run_folder: Path, teaching_models: Path) -> Iterator[Service]:
    """The real engine with the teaching model, paced at 40 tokens per second as in the demo."""
    with running("engine", run_folder, {"ENGINE_TEACHING_DIR": str(teaching_models)}) as service:
        yield service


@pytest.fixture(scope="session")
def gateway(run_folder: Path, engine: Service) -> Iterator[Service]:
    """The real gateway in front of the real engine."""
    env = {"LMSTUDIO_URL": engine.url, "GATEWAY_DATA_DIR": str(run_folder / "gateway-data")}
    with running("gateway", run_folder, env) as service:
        yield service


@pytest.fixture(scope="session")
def gateway_key(run_folder: Path, gateway: Service) -> str:
    """A fresh key of the session's gateway, made as an operator makes one."""
    return new_key(run_folder, "tests")


def new_key(run_folder: Path, name: str) -> str:
    """One more key of the session's gateway; what it keeps is nobody else's."""
    done = subprocess.run(
        [sys.executable, "-m", "gateway", "keys", "create", "--name", name],
        cwd=ROOT,
        env={
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(ROOT / "services"),
            "GATEWAY_DATA_DIR": str(run_folder / "gateway-data"),
        },
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


@pytest.fixture
def reader(gateway: Service, run_folder: Path, tmp_path: Path) -> Reader:
    """Somebody who types the documents' examples, with a key and a history of their own."""
    key = new_key(run_folder, tmp_path.name)
    return Reader(gateway, key, run_folder / "gateway-data", tmp_path)


def chromium_path() -> str | None:
    """The system's Chromium or Chrome; `CHROMIUM` names another."""
    names = (os.environ.get("CHROMIUM", ""), "chromium", "chromium-browser", "google-chrome")
    return next((path for name in names if name and (path := shutil.which(name))), None)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """The system's Chromium, headless."""
    path = chromium_path()
    if path is None:
        missing("Chromium", "install it (for example `apt install chromium`) or set CHROMIUM")
    with sync_playwright() as playwright:
        instance = playwright.chromium.launch(executable_path=path, args=CHROMIUM_ARGS)
        yield instance
        instance.close()


@pytest.fixture(scope="session")
def valkey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StateServer]:
    """A Valkey for tests that leave it running; each uses keys of its own."""
    with valkey_server(tmp_path_factory.mktemp("valkey")) as server:
        yield server


@pytest.fixture(scope="session")
def postgresql() -> Iterator[StateServer]:
    """A PostgreSQL for tests that leave it running; `new_database` gives each its own database."""
    with postgresql_server() as server:
        yield server


@pytest.fixture(scope="session")
def docker() -> str:
    """The docker command, proved to have a running engine and Compose v2."""
    path = shutil.which("docker")
    if path is None:
        missing("Docker engine", "install Docker to run the stack's tests")
    for command in (["info"], ["compose", "version"]):
        if subprocess.run([path, *command], capture_output=True, check=False).returncode != 0:
            missing("Docker engine with Compose v2", f"`docker {' '.join(command)}` failed")
    return path
