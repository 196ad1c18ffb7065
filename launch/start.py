"""The story of a start: find the model, check the ports, start what is not up, say where it is.

Pure but for its collaborators, which are all handed in: a runtime, a probe, a look at the ports.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from launch.catalogue import BY_NAME, ENGINE, FRONTS, GATEWAY, Service
from launch.commands import Outcome, Say
from launch.errors import LaunchError
from launch.model_server import Decision, Probe, blocked, decide
from launch.models import chat_model
from launch.ports import Holder, Taken, next_free, refuse_taken
from launch.report import curl_line, summary
from launch.runtime import Plan, Runtime
from launch.settings import Settings


@dataclass(frozen=True)
class Launcher:
    """Everything that a start needs to know and to call: `say` is talk, `show` the result."""

    settings: Settings
    runtime: Runtime
    probe: Probe
    taken: Taken
    holder: Holder
    say: Say
    show: Say

    def start(self, wanted: Sequence[Service]) -> None:
        """Brings up `wanted` and what they need. A second call changes nothing."""
        running = self.runtime.running()
        # What is up already stays up, and follows the same decision about the model.
        fronts = [front for front in FRONTS if front in wanted or front.name in running]
        ports = {front.name: self._port(front, running) for front in fronts}
        self._refuse_taken(ports, running)
        decision = decide(self.settings.lmstudio_url, self.runtime.view(), self.probe)
        self.runtime.prepare(fronts if decision.service_url else [*fronts, ENGINE])
        if decision.service_url and not self.runtime.reaches(decision.service_url):
            decision = blocked(decision)
            self.runtime.prepare([ENGINE])
        self.say(decision.line)
        plan = self._plan(fronts, ports, running, decision)
        self.runtime.start(plan)
        self._report(plan, decision)

    def _plan(
        self,
        fronts: Sequence[Service],
        ports: Mapping[str, int],
        running: Mapping[str, int],
        decision: Decision,
    ) -> Plan:
        if decision.service_url:
            return Plan(fronts, ports, decision.service_url)
        engine_port = self._engine_port(running, list(ports.values()))
        all_ports = {**ports, ENGINE.name: engine_port}
        return Plan([*fronts, ENGINE], all_ports, self.runtime.engine_url(engine_port))

    def _port(self, service: Service, running: Mapping[str, int]) -> int:
        asked = self.settings.port(service)
        # A port that was moved out of the way stays where it is until it is asked for by name.
        named = bool(self.settings.get(service.port_variable))
        return asked if named or not running.get(service.name) else running[service.name]

    def _refuse_taken(self, ports: Mapping[str, int], running: Mapping[str, int]) -> None:
        new = {BY_NAME[name]: port for name, port in ports.items() if running.get(name) != port}
        refuse_taken(new, self.taken, self.holder)

    def _engine_port(self, running: Mapping[str, int], avoid: Sequence[int]) -> int:
        port = self._port(ENGINE, running)
        if running.get(ENGINE.name) == port or not (self.taken(port) or port in avoid):
            return port
        if self.settings.get(ENGINE.port_variable):
            refuse_taken({ENGINE: port}, self.taken, self.holder)
        free = next_free(port, self.taken, avoid)
        who = self.holder(port)
        by = f" by {who}" if who else ""
        self.say(f"Port {port} is taken{by}: the engine is published on {free} instead.")
        return free

    def _report(self, plan: Plan, decision: Decision) -> None:
        host_of = self.settings.host_of
        urls = {
            service.title: f"http://{host_of(service)}:{plan.ports[service.name]}"
            for service in plan.services
        }
        model_root = decision.host_url or urls[ENGINE.title]
        model = chat_model(model_root, self.settings.get("LMSTUDIO_API_TOKEN"))
        key = curl = ""
        if plan.has(GATEWAY):
            key = demo_key(self.runtime)
            curl = curl_line(urls[GATEWAY.title], key, model) if model else ""
        shown = model or "none: load one in LM Studio, then ask again"
        self.show(summary(urls, shown, key, curl))


def demo_key(runtime: Runtime) -> str:
    """The gateway's demo key, made on first use."""
    return lectern(runtime, ("keys", "demo")).out.strip()


def new_key(runtime: Runtime, name: str) -> str:
    """A new key; `LaunchError` with the gateway's own words when it is refused."""
    return lectern(runtime, ("keys", "create", "--name", name)).out.strip()


def lectern(runtime: Runtime, arguments: Sequence[str]) -> Outcome:
    """What a command of the gateway says; `LaunchError` with its own words when it fails."""
    if GATEWAY.name not in runtime.running():
        raise LaunchError("The gateway is not running. Start it first: make demo")
    outcome = runtime.gateway_command(arguments)
    if not outcome.ok:
        raise LaunchError(outcome.err.strip() or "The gateway's command line failed.")
    return outcome


def status(
    settings: Settings, runtime: Runtime, healthy: Callable[[str], bool]
) -> list[tuple[str, str]]:
    """One row for each service that is up: its address and whether it answers its health check."""
    rows = []
    for name, port in runtime.running().items():
        service = BY_NAME[name]
        url = f"http://{settings.host_of(service)}:{port}"
        state = "healthy" if healthy(url + service.health_path) else "NOT healthy (make logs)"
        rows.append((service.title, f"{url}   {state}"))
    return rows
