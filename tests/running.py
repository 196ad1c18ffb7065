"""Runs Lectern's services as real processes for the tests, and waits without sleeping blindly.

Owns: free ports, starting `python -m <service>` from the repository, polling a condition up to a
deadline, the words for a part that this machine lacks. It knows nothing of what a service answers.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn, TypeVar
from urllib.error import URLError

import pytest

ROOT = Path(__file__).resolve().parent.parent
POLL_S = 0.02
T = TypeVar("T")


def missing(part: str, how: str) -> NoReturn:
    """Skips a test that needs `part`; with CI=true a missing part is a failure, never a skip."""
    if os.environ.get("CI") == "true":
        pytest.fail(f"{part} is missing here, and CI must not skip: {how}", pytrace=False)
    pytest.skip(f"no {part}: {how}")


def free_port() -> int:
    """A TCP port of the loopback interface that nobody has, and nobody else is given for a while.

    A connection that its server has closed first keeps the system from handing the port out again
    (TIME_WAIT, a minute), while a server that names it may listen there.
    """
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = int(listener.getsockname()[1])
        with socket.create_connection(("127.0.0.1", port)):
            listener.accept()[0].close()
    return port


def wait_until(condition: Callable[[], T], what: str, timeout_s: float = 60.0) -> T:
    """Polls until `condition()` is truthy and returns it; fails with `what` at the deadline."""
    deadline = time.monotonic() + timeout_s
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            pytest.fail(f"waited {timeout_s:g} s in vain for: {what} (last value: {value!r})")
        time.sleep(POLL_S)


def answers(url: str) -> bool:
    """True when `url` answers 200 at once."""
    try:
        with urllib.request.urlopen(url, timeout=2) as response:  # noqa: S310 (loopback only)
            return bool(response.status == 200)
    except (URLError, OSError):
        return False


@dataclass
class Service:
    """One running service: where it listens, its process, and the file that holds its log."""

    name: str
    url: str
    port: int
    process: subprocess.Popen[bytes]
    log_path: Path

    @property
    def log(self) -> str:
        return self.log_path.read_text(errors="replace")

    def stop_impatiently(self) -> int:
        """Sends SIGTERM again and again until it has ended; the exit code."""
        while self.process.poll() is None:
            self.process.terminate()
        return self.process.returncode

    def stop(self, timeout_s: float = 60.0) -> int:
        """Sends SIGTERM and returns the exit code; kills after `timeout_s`."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            pytest.fail(f"{self.name} did not stop within {timeout_s:g} s of SIGTERM:\n{self.log}")


PORT_VARIABLES = {
    "gateway": "GATEWAY_PORT",
    "engine": "ENGINE_PORT",
    "streamlit_ui": "STREAMLIT_PORT",
    "gradio_ui": "GRADIO_PORT",
}
HEALTH_PATHS = {"streamlit_ui": "/_stcore/health"}


@contextmanager
def running(
    name: str,
    folder: Path,
    env: Mapping[str, str] | None = None,
    timeout_s: float = 120.0,
    port: int = 0,
) -> Iterator[Service]:
    """Starts `python -m name` on `port` or a free one, yields it when healthy, stops it at last."""
    port = port or free_port()
    url = f"http://127.0.0.1:{port}"
    log_path = folder / f"{name}-{port}.log"
    # Only what a service may rely on: nothing of this shell's settings leaks into a test.
    keep = ("PATH", "HOME", "LANG", "SSL_CERT_FILE", "TMPDIR")
    environment = {key: os.environ[key] for key in keep if key in os.environ}
    environment |= {"PYTHONPATH": str(ROOT / "services"), "BIND_ADDR": "127.0.0.1"}
    environment |= {PORT_VARIABLES[name]: str(port), **(env or {})}
    with log_path.open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", name], cwd=ROOT, env=environment, stdout=log, stderr=log
        )
    service = Service(name, url, port, process, log_path)
    health = url + HEALTH_PATHS.get(name, "/healthz")

    def healthy() -> bool:
        if process.poll() is not None:
            pytest.fail(f"{name} ended with exit code {process.returncode}:\n{service.log}")
        return answers(health)

    try:
        wait_until(healthy, f"{name} to answer {health}", timeout_s)
        yield service
    finally:
        service.stop()
