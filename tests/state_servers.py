"""A real Valkey (or Redis) and a real PostgreSQL for the tests, from the system's packages.

Owns starting each on a free loopback port with its data in a folder of the test, and stopping it by
its process id. What is kept in them is the tests' matter.
"""

from __future__ import annotations

import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

import psycopg

from tests.running import free_port, missing, wait_until

STOP_S = 30


@dataclass
class StateServer:
    """A server that can be stopped, killed, frozen and started again on the same data and port."""

    url: str
    port: int
    command: Sequence[str]
    folder: Path
    user: str | None = None
    process: subprocess.Popen[bytes] = field(init=False)

    def start(self) -> None:
        """Starts it and returns when it takes connections."""
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                self.command,
                stdout=log,
                stderr=log,
                cwd=self.folder,
                user=self.user,
            )
        wait_until(self._listens, f"{self.command[0]} to listen", timeout_s=60)

    def stop(self, how: signal.Signals = signal.SIGTERM) -> None:
        """Ends it; SIGKILL leaves it no time to write anything."""
        if self.process.poll() is None:
            self.process.send_signal(how)
        self.process.wait(STOP_S)

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """It takes connections but answers nothing."""
        made = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text()
        processes = [self.process.pid, *map(int, made.split())]
        for process in processes:
            os.kill(process, signal.SIGSTOP)
        try:
            yield
        finally:
            for process in processes:
                os.kill(process, signal.SIGCONT)

    def _listens(self) -> bool:
        if self.process.poll() is not None:
            missing(self.command[0], f"it ended: {(self.folder / 'log').read_text()}")
        if self.url.startswith("postgresql"):  # it listens before it can answer
            with suppress(psycopg.OperationalError), psycopg.connect(plain(self.url)):
                return True
        else:
            with suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
                return True
        return False


@contextmanager
def valkey_server(
    folder: Path, *options: str, certificate: tuple[Path, Path] | None = None
) -> Iterator[StateServer]:
    """A Valkey, or a Redis: they are one to the gateway. Its data survive a stop and a kill.

    With a certificate and its key it speaks TLS, and only that.
    """
    program = shutil.which("valkey-server") or shutil.which("redis-server")
    if program is None:
        missing("Valkey", "install valkey-server or redis-server, for example with apt")
    port = free_port()
    command = [program, "--bind", "127.0.0.1", "--dir", str(folder)]
    # Every write is in the file before its answer, which survives SIGKILL without fsync, too.
    command += ["--save", "", "--appendonly", "yes", "--appendfsync", "no", *options]
    if certificate is None:
        command += ["--port", str(port)]
    else:
        file, key = map(str, certificate)
        command += ["--port", "0", "--tls-port", str(port), "--tls-auth-clients", "no"]
        command += ["--tls-cert-file", file, "--tls-key-file", key, "--tls-ca-cert-file", file]
    server = StateServer(f"valkey://127.0.0.1:{port}/0", port, command, folder)
    server.start()
    try:
        yield server
    finally:
        server.stop()


@contextmanager
def postgresql_server() -> Iterator[StateServer]:
    """A PostgreSQL with an empty database, in a folder of its own directly below the temporary one.

    It refuses to run as root, and another user cannot reach a folder of a test.
    """
    binaries = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    initdb = str(binaries[-1]) if binaries else shutil.which("initdb")
    if initdb is None:
        missing("PostgreSQL", "install postgresql, for example with apt")
    with TemporaryDirectory(prefix="lectern-postgresql-") as name:
        folder, port, user = Path(name), free_port(), None
        if os.geteuid() == 0:
            user = _unprivileged_user()
            shutil.chown(folder, user)
        made = [initdb, "-D", "data", "-U", "lectern", "-A", "trust", "-E", "UTF8", "--locale=C"]
        subprocess.run(made, check=True, capture_output=True, user=user, cwd=folder)
        command = [str(Path(initdb).with_name("postgres")), "-D", "data", "-p", str(port)]
        # No socket beside the port. What is committed survives SIGKILL without fsync, too.
        command += ["-h", "127.0.0.1", "-k", "", "-c", "fsync=off"]
        url = f"postgresql+psycopg://lectern@127.0.0.1:{port}/postgres"
        server = StateServer(url, port, command, folder, user)
        server.start()
        try:
            yield server
        finally:
            server.stop(signal.SIGINT)  # does not wait for clients


@contextmanager
def new_database(server: StateServer) -> Iterator[str]:
    """The URL of an empty database on a PostgreSQL; it is dropped at the end, in use or not."""
    name = f"lectern_{secrets.token_hex(6)}"
    with psycopg.connect(plain(server.url), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
        yield server.url.replace("/postgres", f"/{name}")
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


def plain(url: str) -> str:
    """The URL without SQLAlchemy's name of the driver."""
    return url.replace("+psycopg", "")


def _unprivileged_user() -> str:
    users = {entry.pw_name for entry in pwd.getpwall()}
    return "postgres" if "postgres" in users else "nobody"
