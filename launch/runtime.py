"""What a place to run in must offer, and which place is chosen.

Two places exist: `compose.Compose` and `native.Native`. The choice is pure: it is given what was
found on this machine and says in one line why.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from launch.catalogue import Service
from launch.commands import Outcome
from launch.errors import LaunchError
from launch.model_server import View


@dataclass(frozen=True)
class Plan:
    """What shall run: the services, the port each is reached at, the model server they use."""

    services: Sequence[Service]
    ports: Mapping[str, int]
    lmstudio_url: str

    def has(self, service: Service) -> bool:
        return service in self.services


class Runtime(Protocol):
    """Starts, stops and asks the services of one machine."""

    title: str

    def view(self) -> View:
        """How the services see this machine."""

    def engine_url(self, port: int) -> str:
        """The bundled engine's root as the other services reach it."""

    def running(self) -> dict[str, int]:
        """The services that are up, each with its port on this machine."""

    def prepare(self, services: Sequence[Service]) -> None:
        """Makes what a start needs: images, or the virtual environment."""

    def reaches(self, url: str) -> bool:
        """Whether a service can open `url`; asked after `prepare`."""

    def start(self, plan: Plan) -> None:
        """Starts what is not up as planned and returns when all of it is healthy."""

    def stop(self) -> bool:
        """Ends every service; False when there was none."""

    def gateway_command(self, arguments: Sequence[str]) -> Outcome:
        """Runs the gateway's command line where the gateway runs."""

    def logs(self) -> int:
        """Follows the services' logs on this terminal until Ctrl-C."""


@dataclass(frozen=True)
class Found:
    """What this machine has. `docker_problem` is empty where Docker can be used."""

    docker_problem: str
    native_running: bool


def choose(forced: str, found: Found) -> tuple[str, str]:
    """`docker` or `native`, and the line that says which and why."""
    if forced == "docker":
        if found.docker_problem:
            raise LaunchError(f"LECTERN_RUNTIME=docker, but {found.docker_problem}.")
        if found.native_running:
            raise LaunchError(
                "LECTERN_RUNTIME=docker, but Lectern runs without Docker here; `make down` first."
            )
        return "docker", "Running in containers with Docker Compose (LECTERN_RUNTIME=docker)."
    if forced == "native":
        return "native", "Running natively, without Docker (LECTERN_RUNTIME=native)."
    if found.native_running:
        return "native", "Running natively, without Docker, as it was started."
    if found.docker_problem:
        return "native", f"Running natively, without Docker: {found.docker_problem}."
    return "docker", "Running in containers with Docker Compose."
