"""Lectern in containers: every call to `docker` is in this module.

Owns the reading of Compose's output. What shall run is decided elsewhere and arrives as a `Plan`;
a value that was decided (the model server, a port) goes to Compose through its environment.
"""

from __future__ import annotations

import ipaddress
import json
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from launch.catalogue import BY_NAME, ENGINE, Service
from launch.commands import Commands, Outcome, Say
from launch.errors import LaunchError
from launch.model_server import View
from launch.runtime import Plan
from launch.settings import Settings

ENGINE_TIMEOUT_S = 15.0
WAIT_S = 300
LOG_LINES = 15
COMPOSE = ("docker", "compose")
EVERYTHING = (*COMPOSE, "--profile", "engine")
CANNOT_BUILD = (
    "The images could not be built. They need an image registry and a package index; "
    "`LECTERN_RUNTIME=native make demo` runs without Docker."
)
_REACH = (
    "import sys\n"
    "from urllib.request import ProxyHandler, build_opener\n"
    "build_opener(ProxyHandler({})).open(sys.argv[1], timeout=3)\n"
)


def docker_problem(commands: Commands) -> str:
    """Why Docker cannot be used here, as the end of a sentence; empty when it can."""
    ask = ("docker", "version", "-f", "{{.Server.Version}}")
    version = commands.run(ask, None, ENGINE_TIMEOUT_S)
    if version.code == 127:
        return "Docker is not installed"
    if not version.ok:
        return "no Docker engine answers the `docker` command"
    if not commands.run((*COMPOSE, "version"), None, ENGINE_TIMEOUT_S).ok:
        return "Docker has no Compose v2 (`docker compose version` fails)"
    return ""


def container_on(commands: Commands, port: int) -> str:
    """The container that publishes `port`, in words; empty when there is none."""
    ask = ("docker", "ps", "--filter", f"publish={port}", "--format", "{{.Names}}")
    names = commands.run(ask, None, ENGINE_TIMEOUT_S).out.split()
    return f"the container {names[0]}" if names else ""


class Compose:
    """The stack of `docker-compose.yml`."""

    title = "Docker Compose"

    def __init__(
        self, commands: Commands, settings: Settings, environment: Mapping[str, str], say: Say
    ) -> None:
        self._commands = commands
        self._settings = settings
        self._environment = dict(environment)
        self._say = say
        self._built = ""

    def view(self) -> View:
        system = self._run("docker", "info", "-f", "{{.OperatingSystem}}").out
        # Docker Desktop and its like forward the name to the host's own loopback interface.
        if sys.platform != "linux" or "Docker Desktop" in system:
            return View(in_containers=True, host_address="127.0.0.1")
        config = self._run("docker", "network", "inspect", "bridge", "-f", "{{json .IPAM.Config}}")
        return View(in_containers=True, host_address=bridge_address(config.out))

    def engine_url(self, port: int) -> str:  # noqa: ARG002 (inside the network it is fixed)
        return f"http://{ENGINE.name}:{ENGINE.default_port}"

    def running(self) -> dict[str, int]:
        rows = parse_ps(self._run(*EVERYTHING, "ps", "--format", "json").out)
        up = [row for row in rows if row.get("State") == "running"]
        return {row["Service"]: published_port(row) for row in up if row["Service"] in BY_NAME}

    def prepare(self, services: Sequence[Service]) -> None:
        build = (*EVERYTHING, "build", *(service.name for service in services))
        first = not self.running()
        if first:
            self._say("Building the images: minutes the first time, seconds later.")
        if first and sys.stderr.isatty():
            outcome = Outcome(self._commands.show(build, self._environment))
        else:
            outcome = self._run(*build)
        self._built = services[0].name
        if not outcome.ok:
            raise LaunchError(f"{outcome.err[-3000:]}\n{CANNOT_BUILD}".strip())

    def reaches(self, url: str) -> bool:
        python = ("run", "--rm", "--no-deps", "-T", "--entrypoint", "python")
        return self._run(*COMPOSE, *python, self._built, "-c", _REACH, url).ok

    def start(self, plan: Plan) -> None:
        self._environment["LMSTUDIO_URL"] = plan.lmstudio_url
        for service in plan.services:
            self._environment[service.port_variable] = str(plan.ports[service.name])
        names = [service.name for service in plan.services]
        if not plan.has(ENGINE) and ENGINE.name in self.running():
            self._run(*EVERYTHING, "rm", "--stop", "--force", ENGINE.name)
        wait = ("--wait", "--wait-timeout", str(WAIT_S))
        outcome = self._run(*EVERYTHING, "up", "-d", "--no-build", *wait, *names)
        if not outcome.ok:
            raise LaunchError(self._what_failed(names, outcome))

    def stop(self) -> bool:
        found = bool(parse_ps(self._run(*EVERYTHING, "ps", "-a", "--format", "json").out))
        outcome = self._run(*EVERYTHING, "down", "--remove-orphans")
        if not outcome.ok:
            raise LaunchError(outcome.err.strip())
        return found

    def gateway_command(self, arguments: Sequence[str]) -> Outcome:
        return self._run(*COMPOSE, "exec", "-T", "gateway", "lectern", *arguments)

    def logs(self) -> int:
        return self._commands.show((*EVERYTHING, "logs", "-f", "--tail", "50"), self._environment)

    def _run(self, *command: str) -> Outcome:
        return self._commands.run(command, self._environment)

    def _what_failed(self, names: Sequence[str], outcome: Outcome) -> str:
        rows = parse_ps(self._run(*EVERYTHING, "ps", "-a", "--format", "json").out)
        parts = []
        for row in rows:
            well = row.get("State") == "running" and row.get("Health") in ("healthy", "")
            if row["Service"] in names and not well:
                tail = ("logs", "--no-log-prefix", "--tail", str(LOG_LINES), row["Service"])
                state = row.get("Health") or row.get("State")
                parts.append(f"{row['Service']} is {state}; its last log lines:")
                parts.append(self._run(*EVERYTHING, *tail).out.rstrip())
        parts.append("Not everything became healthy. " if parts else outcome.err.strip())
        return "\n".join(parts).rstrip()


def bridge_address(config: str) -> str:
    """The host's address on Docker's default bridge, from the network's IPAM configuration.

    That is what `host-gateway` resolves to. Engines that name no gateway take the subnet's first.
    """
    try:
        entries = json.loads(config)
    except ValueError:
        entries = None
    for entry in entries or []:
        if entry.get("Gateway"):
            return str(entry["Gateway"])
        if entry.get("Subnet"):
            return str(next(ipaddress.ip_network(entry["Subnet"]).hosts()))
    return "172.17.0.1"


def parse_ps(text: str) -> list[dict[str, Any]]:
    """The rows of `docker compose ps --format json`: an array, or since 2.21 one object a line."""
    rows: list[dict[str, Any]] = []
    for line in text.splitlines():
        if line.strip():
            value = json.loads(line)
            rows.extend(value if isinstance(value, list) else [value])
    return rows


def published_port(row: Mapping[str, Any]) -> int:
    """The port on this machine of one row; 0 when none is published."""
    ports = [entry.get("PublishedPort", 0) for entry in row.get("Publishers") or []]
    return max(ports, default=0)
