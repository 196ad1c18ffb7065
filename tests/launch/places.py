"""A runtime that only writes down what is asked of it, and the launcher around it.

Stands where Compose or supervisord would; what it is asked is what a person would see happen.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from launch.catalogue import Service
from launch.commands import Outcome
from launch.model_server import Answer, View
from launch.runtime import Plan
from launch.settings import Settings
from launch.start import Launcher

BRIDGE = View(in_containers=True, host_address="172.17.0.1")
DESKTOP = View(in_containers=True, host_address="127.0.0.1")
NATIVE = View(in_containers=False, host_address="127.0.0.1")


@dataclass
class RecordingRuntime:
    """Says what it was told: `up` maps the services that run to their ports."""

    up: dict[str, int] = field(default_factory=dict)
    seen_as: View = BRIDGE
    reachable: bool = True
    key: Outcome = field(default_factory=lambda: Outcome(0, "lk-secret\n"))
    prepared: list[list[str]] = field(default_factory=list)
    plans: list[Plan] = field(default_factory=list)
    asked: list[Sequence[str]] = field(default_factory=list)
    title: str = "a recording"

    def view(self) -> View:
        return self.seen_as

    def engine_url(self, port: int) -> str:
        return "http://engine:1234" if self.seen_as.in_containers else f"http://127.0.0.1:{port}"

    def running(self) -> dict[str, int]:
        return dict(self.up)

    def prepare(self, services: Sequence[Service]) -> None:
        self.prepared.append([service.name for service in services])

    def reaches(self, url: str) -> bool:
        assert url.startswith("http://")
        return self.reachable

    def start(self, plan: Plan) -> None:
        self.plans.append(plan)
        self.up = {service.name: plan.ports[service.name] for service in plan.services}

    def stop(self) -> bool:
        found = bool(self.up)
        self.up = {}
        return found

    def gateway_command(self, arguments: Sequence[str]) -> Outcome:
        self.asked.append(arguments)
        return self.key

    def logs(self) -> int:
        return 0


@dataclass
class Machine:
    """What the launcher finds: servers by URL, ports that are taken, and what it said."""

    servers: dict[str, Answer] = field(default_factory=dict)
    taken: set[int] = field(default_factory=set)
    said: list[str] = field(default_factory=list)

    def launcher(self, runtime: RecordingRuntime, **settings: str) -> Launcher:
        return Launcher(
            settings=Settings(settings),
            runtime=runtime,
            probe=lambda url: self.servers.get(url, Answer()),
            taken=lambda port: port in self.taken,
            holder=lambda port: f"nginx (process {port})",
            say=self.said.append,
            show=self.said.append,
        )

    @property
    def text(self) -> str:
        return "\n".join(self.said)
