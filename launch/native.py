"""Lectern without Docker: the services as this machine's own processes, kept up by supervisord.

Everything it makes lies in `.venv/` and `.lectern/` below the repository. The services get their
settings by environment, exactly as in containers, and nothing else of the shell's.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from launch.catalogue import BY_NAME, ENGINE, GATEWAY, Service
from launch.commands import Commands, Outcome, Say
from launch.errors import LaunchError
from launch.health import wait_for
from launch.model_server import View
from launch.runtime import Plan
from launch.settings import ENGINE_HOST, Settings
from launch.supervision import Program, Supervisor
from launch.virtualenv import SERVICE_LOCKS, Virtualenv

HEALTH_LIMIT_S = 120.0
UP = ("RUNNING", "STARTING")
# What a process needs of the machine; all else it is told by a setting.
SYSTEM_NAMES = ("PATH", "HOME", "LANG", "LC_ALL", "TZ", "TMPDIR", "SSL_CERT_FILE", "SSL_CERT_DIR")
TEACHING_MODEL = "services/engine/model/lectern-101-f16.gguf"
QUANTIZATIONS = 3
SHARED_PACKAGE = "chat_client"


class Native:
    """The services below `root`, natively."""

    title = "native processes"

    def __init__(
        self, commands: Commands, settings: Settings, environment: Mapping[str, str], say: Say
    ) -> None:
        self._commands = commands
        self._settings = settings
        self._system = {name: environment[name] for name in SYSTEM_NAMES if name in environment}
        self._root = commands.root
        self._folder = self._root / ".lectern"
        self._venv = Virtualenv(commands, self._root, say)
        self._supervisor = Supervisor(commands, self._venv.python, self._folder)

    @property
    def is_running(self) -> bool:
        return self._supervisor.pid() is not None

    def view(self) -> View:
        return View(in_containers=False, host_address="127.0.0.1")

    def engine_url(self, port: int) -> str:
        return f"http://{ENGINE_HOST}:{port}"

    def running(self) -> dict[str, int]:
        ports = self._kept().get("ports", {})
        states = self._supervisor.states()
        return {
            name: ports.get(name, 0)
            for name, state in states.items()
            if name in BY_NAME and state in UP
        }

    def prepare(self, services: Sequence[Service]) -> None:
        self._venv.ensure(SERVICE_LOCKS, "the services' packages")
        if ENGINE in services:
            self._quantize()

    def reaches(self, url: str) -> bool:  # noqa: ARG002 (the services see what this process sees)
        return True

    def start(self, plan: Plan) -> None:
        settings = self.service_settings(plan)
        fingerprint = _digest(json.dumps([settings, platform.node()], sort_keys=True).encode())
        if self._kept().get("fingerprint") != fingerprint:
            self._supervisor.stop()  # programs inherit the environment of their supervisord
        self._folder.mkdir(exist_ok=True)
        (self._folder / "data").mkdir(exist_ok=True, mode=0o700)
        kept = {"fingerprint": fingerprint, "ports": dict(plan.ports)}
        (self._folder / "native.json").write_text(json.dumps(kept, indent=1))
        programs = [self._program(service) for service in plan.services]
        self._supervisor.apply(programs, self._system | settings)
        self._wait(plan)

    def stop(self) -> bool:
        return self._supervisor.stop()

    def gateway_command(self, arguments: Sequence[str]) -> Outcome:
        environment = self._system | self._common_settings()
        command = (str(self._venv.python), "-m", GATEWAY.package, *arguments)
        return self._commands.run(command, environment)

    def logs(self) -> int:
        files = sorted(str(path) for path in self._supervisor.logs.glob("*.log"))
        return self._commands.show(("tail", "-n", "20", "-F", *files)) if files else 0

    def _quantize(self) -> None:
        """Makes the teaching model's smaller files where the committed one has changed."""
        stamp, source = self._folder / "quantized", self._root / TEACHING_MODEL
        settings = self._common_settings()
        folder = Path(settings.get("ENGINE_TEACHING_DIR", source.parent))
        digest = _digest(source.read_bytes()) if source.is_file() else ""
        known = stamp.read_text() if stamp.is_file() else ""
        if known == f"{folder} {digest}" and len(list(folder.glob("*.gguf"))) >= QUANTIZATIONS:
            return
        quantize = (str(self._venv.python), "-m", "engine.quantize")
        outcome = self._commands.run(quantize, self._system | settings)
        if not outcome.ok:
            raise LaunchError(outcome.err.strip())
        self._folder.mkdir(exist_ok=True)
        stamp.write_text(f"{folder} {digest}")

    def service_settings(self, plan: Plan) -> dict[str, str]:
        """The settings that all services get; each reads its own."""
        ports = {
            service.port_variable: str(self._settings.port(service)) for service in BY_NAME.values()
        }
        chosen = {BY_NAME[name].port_variable: str(port) for name, port in plan.ports.items()}
        gateway_port = (ports | chosen)[GATEWAY.port_variable]
        return {
            "GATEWAY_URL": f"http://{self._settings.browser_host}:{gateway_port}",
            **self._common_settings(),
            **ports,
            **chosen,
            "LMSTUDIO_URL": plan.lmstudio_url,
        }

    def _common_settings(self) -> dict[str, str]:
        return {
            "BIND_ADDR": "127.0.0.1",
            "GATEWAY_DATA_DIR": str(self._folder / "data"),
            "GATEWAY_UI_KEY_FILE": str(self._folder / "data" / "ui-key"),
            "ENGINE_MODELS_DIR": str(self._root / "models"),
            "ENGINE_CACHE_DIR": str(self._folder / "models"),
            "PYTHONUNBUFFERED": "1",
            **{name: value for name, value in self._settings.for_services().items() if value},
            **self._python_path(),
        }

    def _python_path(self) -> dict[str, str]:
        return {"PYTHONPATH": str(self._root / "services")}

    def _program(self, service: Service) -> Program:
        folders = (service.package, SHARED_PACKAGE)
        revision = source_revision([self._root / "services" / name for name in folders])
        command = f'"{self._venv.python}" -m {service.package}'
        if service is ENGINE:
            command = f"env BIND_ADDR={ENGINE_HOST} {command}"
        return Program(service.name, command, revision)

    def _wait(self, plan: Plan) -> None:
        host_of = self._settings.host_of
        urls = {
            service.name: f"http://{host_of(service)}:{plan.ports[service.name]}"
            + service.health_path
            for service in plan.services
        }
        lost = wait_for(urls, self._given_up, HEALTH_LIMIT_S)
        if lost:
            parts = [
                f"{name} is not healthy; its last log lines:\n{self._supervisor.last_lines(name)}"
                for name in lost
            ]
            raise LaunchError("\n".join((*parts, f"Whole logs: {self._supervisor.logs}")))

    def _given_up(self) -> list[str]:
        return [name for name, state in self._supervisor.states().items() if state == "FATAL"]

    def _kept(self) -> dict[str, Any]:
        try:
            kept = json.loads((self._folder / "native.json").read_text())
        except (OSError, ValueError):
            return {}
        return kept if isinstance(kept, dict) else {}


def source_revision(folders: Sequence[Path]) -> str:
    """A digest of all source files below `folders`: another one means other code."""
    digest = hashlib.sha256()
    for folder in folders:
        for path in sorted(folder.rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts and path.suffix != ".gguf":
                digest.update(os.fsencode(path) + b"\0" + path.read_bytes())
    return digest.hexdigest()[:16]


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
