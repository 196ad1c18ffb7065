"""supervisord: its configuration as text, and the calls that start, ask and end it.

Owns one folder (`.lectern/`): configuration, pid file, logs. It knows programs by name and nothing
of what they serve. The programs inherit supervisord's environment, so that no secret is written to
a file.
"""

from __future__ import annotations

import hashlib
import http.client
import os
import signal
import socket
import tempfile
import time
import xmlrpc.client
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from launch.commands import Commands, Outcome
from launch.errors import LaunchError

SOCKET_PATH_LIMIT = 100  # a Unix socket's path holds little more than 100 bytes
STOP_TIMEOUT_S = 40.0
POLL_S = 0.05


@dataclass(frozen=True)
class Program:
    """One program: `revision` changes when it must be started anew."""

    name: str
    command: str
    revision: str


@dataclass(frozen=True)
class Supervisor:
    """A supervisord that keeps its files in `folder` and its programs in `root`."""

    commands: Commands
    python: Path
    folder: Path

    @property
    def pid_file(self) -> Path:
        return self.folder / "supervisord.pid"

    @property
    def config_file(self) -> Path:
        return self.folder / "supervisord.conf"

    @property
    def logs(self) -> Path:
        return self.folder / "logs"

    def pid(self) -> int | None:
        """The process id of the running supervisord, None when there is none."""
        try:
            pid = int(self.pid_file.read_text())
            os.kill(pid, 0)
            # A pid is used again after a reboot; only a supervisord listens on our socket.
            with socket.socket(socket.AF_UNIX) as control:
                control.connect(str(socket_path(self.folder)))
        except (OSError, ValueError):
            return None
        return pid

    def states(self) -> dict[str, str]:
        """The programs' states in supervisord's words: RUNNING, STARTING, BACKOFF, FATAL…"""
        if self.pid() is None:
            return {}
        answer = self._ask().supervisor.getAllProcessInfo()
        rows = answer if isinstance(answer, list) else []
        return {str(row["name"]): str(row["statename"]) for row in rows if isinstance(row, dict)}

    def apply(self, programs: Sequence[Program], environment: Mapping[str, str]) -> None:
        """Runs exactly `programs`; those that run already and have not changed stay untouched."""
        self.logs.mkdir(parents=True, exist_ok=True)
        text = config_text(programs, self.commands.root, self.folder)
        changed = not self.config_file.is_file() or self.config_file.read_text("utf-8") != text
        self.config_file.write_text(text, encoding="utf-8")
        if self.pid() is None:
            start = (str(self.python), "-m", "supervisor.supervisord", "-c", str(self.config_file))
            outcome = self.commands.run(start, environment)
            if not outcome.ok:
                raise LaunchError(f"supervisord did not start:\n{outcome.err or outcome.out}")
            return
        if changed:
            self._control("update")
        for name, state in self.states().items():
            if state not in ("RUNNING", "STARTING"):
                self._control("start", name)

    def stop(self) -> bool:
        """Ends the programs and supervisord itself; False when it did not run."""
        pid = self.pid()
        if pid is None:
            return False
        os.kill(pid, signal.SIGTERM)  # ends every program first, then itself
        deadline = time.monotonic() + STOP_TIMEOUT_S
        while _alive(pid):
            if time.monotonic() > deadline:
                raise LaunchError(f"supervisord (process {pid}) did not end; see {self.logs}.")
            time.sleep(POLL_S)
        return True

    def last_lines(self, name: str, count: int = 15) -> str:
        """The end of a program's log."""
        try:
            text = (self.logs / f"{name}.log").read_text(encoding="utf-8", errors="replace")
        except OSError:
            return "(no log)"
        return "\n".join(text.splitlines()[-count:])

    def _ask(self) -> xmlrpc.client.ServerProxy:
        # Asked often: its own command would start an interpreter each time.
        transport = _Transport(socket_path(self.folder))
        return xmlrpc.client.ServerProxy("http://localhost", transport=transport)

    def _control(self, *words: str) -> Outcome:
        control = (str(self.python), "-m", "supervisor.supervisorctl", "-c", str(self.config_file))
        return self.commands.run((*control, *words))


class _Connection(http.client.HTTPConnection):
    """HTTP over supervisord's Unix socket."""

    def __init__(self, path: Path) -> None:
        super().__init__("localhost")
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(str(self._path))


class _Transport(xmlrpc.client.Transport):
    def __init__(self, path: Path) -> None:
        super().__init__()
        self._path = path

    def make_connection(self, host: object) -> http.client.HTTPConnection:  # noqa: ARG002
        return _Connection(self._path)


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except OSError:
        return False
    return True


def config_text(programs: Sequence[Program], root: Path, folder: Path) -> str:
    """The configuration file. A changed `revision` makes `supervisorctl update` restart it."""
    control = socket_path(folder)
    parts = [
        "; Written by the launcher at every start: edits are lost.",
        "[supervisord]",
        f"logfile={_escaped(folder / 'logs' / 'supervisord.log')}",
        f"pidfile={_escaped(folder / 'supervisord.pid')}",
        f"directory={_escaped(root)}",
        f"childlogdir={_escaped(folder / 'logs')}",
        *(["user=root"] if os.geteuid() == 0 else []),  # else it warns that nobody was named
        "",
        "[unix_http_server]",
        f"file={_escaped(control)}",
        "chmod=0700",
        "",
        "[rpcinterface:supervisor]",
        "supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface",
        "",
        "[supervisorctl]",
        f"serverurl=unix://{_escaped(control)}",
    ]
    for program in programs:
        parts += [
            "",
            f"[program:{program.name}]",
            f"command={_escaped(program.command)}",
            f'environment=LECTERN_REVISION="{program.revision}"',
            f"stdout_logfile={_escaped(folder / 'logs' / f'{program.name}.log')}",
            "stdout_logfile_maxbytes=10MB",
            "stdout_logfile_backups=2",
            "redirect_stderr=true",
            "autorestart=true",
            "startsecs=3",
            "stopwaitsecs=30",
            "killasgroup=true",
        ]
    return "\n".join(parts) + "\n"


def socket_path(folder: Path) -> Path:
    """The control socket: in `folder`, or in the temporary folder when that path is too long."""
    path = folder / "supervisor.sock"
    if len(str(path)) <= SOCKET_PATH_LIMIT:
        return path
    name = hashlib.sha256(str(folder).encode()).hexdigest()[:16]
    return Path(tempfile.gettempdir()) / f"lectern-{os.getuid()}-{name}.sock"


def _escaped(value: object) -> str:
    return str(value).replace("%", "%%")
