"""Where the model is: LM Studio when it answers, else the bundled engine.

Owns the probe and the decision, and the sentence that explains it. LM Studio is known by
`GET /lmstudio-greeting` (its command line and SDKs find it that way); our own engine answers it
too, with a header of its own, and must not be taken for LM Studio on the second start.
"""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, replace
from urllib.parse import urlsplit, urlunsplit

from launch.settings import DEFAULT_LMSTUDIO_URL

HOST_ALIAS = "host.docker.internal"
LOOPBACK = ("localhost", "127.0.0.1", "::1")
PROBE_TIMEOUT_S = 2.0
REMEDY = (
    'switch on "Serve on Local Network" in its Developer page, '
    "or run `lms server start --bind 0.0.0.0`"
)
_no_proxy = urllib.request.build_opener(urllib.request.ProxyHandler({}))


@dataclass(frozen=True)
class Answer:
    """What answered at an address: LM Studio's greeting, some other model server, our engine."""

    lmstudio: bool = False
    models: bool = False
    ours: bool = False


Probe = Callable[[str], Answer]


@dataclass(frozen=True)
class View:
    """How the services reach the machine that Lectern runs on.

    `host_address` is what `host.docker.internal` means to a service when asked from this machine:
    the Docker bridge on Linux, the loopback interface for Docker Desktop and for native processes.
    """

    in_containers: bool
    host_address: str

    @property
    def isolated(self) -> bool:
        """True when a server that listens on loopback alone is out of a service's reach."""
        return self.host_address not in LOOPBACK


@dataclass(frozen=True)
class Decision:
    """`service_url` is None where the engine must stand in; `line` says it to the person."""

    service_url: str | None
    host_url: str | None
    line: str


def decide(url: str, view: View, probe: Probe) -> Decision:
    """Looks for a model server at `url` as the services will see it."""
    service_url, host_url = _seen_by_services(url, view), _seen_from_here(url, view)
    answer = probe(host_url)
    if _usable(answer, url):
        what = "LM Studio" if answer.lmstudio else "A model server"
        return Decision(service_url, host_url, f"{what} answers at {service_url}: using it.")
    advice = ""
    if view.isolated and _is_this_machine(url):
        loopback = _with_host(url, "127.0.0.1")
        found = probe(loopback)
        if found.lmstudio and not found.ours:
            advice = (
                f"\nLM Studio answers at {loopback}, but only on this machine's loopback "
                f"interface, which containers cannot reach: {REMEDY}, then start again."
            )
    line = (
        f"No LM Studio at {service_url}: the bundled engine stands in, with a tiny model.{advice}"
    )
    return Decision(None, None, line)


def blocked(decision: Decision) -> Decision:
    """The decision when this machine reaches LM Studio but a container does not."""
    line = (
        f"LM Studio answers this machine at {decision.host_url}, but not a container at "
        f"{decision.service_url}; a firewall may be in between, or it does not serve on the local "
        "network. The bundled engine stands in, with a tiny model."
    )
    return replace(decision, service_url=None, host_url=None, line=line)


def _usable(answer: Answer, url: str) -> bool:
    if _is_this_machine(url):
        # Other servers on this machine count when they were asked for by a URL of their own.
        named = url != DEFAULT_LMSTUDIO_URL
        return not answer.ours and (answer.lmstudio or (named and answer.models))
    return answer.lmstudio or answer.models


def _is_this_machine(url: str) -> bool:
    return urlsplit(url).hostname in (HOST_ALIAS, *LOOPBACK)


def _seen_by_services(url: str, view: View) -> str:
    if not _is_this_machine(url):
        return url
    return _with_host(url, HOST_ALIAS if view.in_containers else "127.0.0.1")


def _seen_from_here(url: str, view: View) -> str:
    return _with_host(url, view.host_address) if _is_this_machine(url) else url


def _with_host(url: str, host: str) -> str:
    parts = urlsplit(url)
    netloc = host if parts.port is None else f"{host}:{parts.port}"
    return urlunsplit(parts._replace(netloc=netloc))


def probe(url: str) -> Answer:
    """Asks `url` what it is, within two seconds a question; never raises."""
    try:
        with _no_proxy.open(f"{url}/lmstudio-greeting", timeout=PROBE_TIMEOUT_S) as response:
            greeting = json.load(response)
            ours = response.headers.get("X-Lectern-Engine") is not None
    except (OSError, ValueError):
        greeting, ours = None, False
    if isinstance(greeting, dict) and greeting.get("lmstudio") is True:
        return Answer(lmstudio=True, models=True, ours=ours)
    return Answer(models=_lists_models(url))


def _lists_models(url: str) -> bool:
    try:
        with _no_proxy.open(f"{url}/v1/models", timeout=PROBE_TIMEOUT_S) as response:
            body = json.load(response)
    except (OSError, ValueError):
        return False
    return isinstance(body, dict) and isinstance(body.get("data"), list)
