"""A Compose project of the tests' own: its name, its ports, its containers, and their end.

Nothing here touches a stack that somebody else runs on the same machine.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.error import HTTPError

import pytest

from launch.catalogue import ALL
from launch.compose import parse_ps
from tests.running import ROOT, free_port

CHAT = "/v1/chat/completions"
QUESTION = {"messages": [{"role": "user", "content": "What is a token?"}], "max_tokens": 40}


@dataclass(frozen=True)
class Reply:
    """An HTTP answer, whatever its status."""

    status: int
    text: str

    @property
    def json(self) -> Any:
        return json.loads(self.text)


@dataclass(frozen=True)
class Project:
    """One stack; `settings` are what a person would write into the shell or `.env`."""

    name: str
    ports: dict[str, int]
    settings: dict[str, str]

    @property
    def environment(self) -> dict[str, str]:
        keep = ("PATH", "HOME", "DOCKER_HOST", "DOCKER_CONFIG", "DOCKER_CONTEXT")
        return {
            **{name: os.environ[name] for name in keep if name in os.environ},
            **{f"{name.upper()}_PORT": str(port) for name, port in self.ports.items()},
            "COMPOSE_PROJECT_NAME": self.name,
            **self.settings,
        }

    def run(self, *command: str, **more: str) -> subprocess.CompletedProcess[str]:
        """Runs a command at the repository's root with the project's settings."""
        environment = self.environment | more
        return subprocess.run(
            command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False
        )

    def compose(self, *words: str, **more: str) -> str:
        """What `docker compose` printed; the test fails with its words when it fails."""
        done = self.run("docker", "compose", "--profile", "engine", *words, **more)
        if done.returncode != 0:
            pytest.fail(f"docker compose {' '.join(words)}:\n{done.stdout}{done.stderr}")
        return done.stdout

    def launch(self, word: str, *more: str) -> subprocess.CompletedProcess[str]:
        """`make word`, in containers."""
        command = (sys.executable, "-m", "launch", word, *more)
        return self.run(*command, LECTERN_RUNTIME="docker")

    def url(self, service: str) -> str:
        return f"http://127.0.0.1:{self.ports[service]}"

    def containers(self) -> dict[str, Any]:
        """`docker inspect` of each container, by service; the id tells a recreated one apart."""
        rows = parse_ps(self.compose("ps", "-a", "--format", "json"))
        ids = {row["Service"]: row["ID"] for row in rows}
        done = self.run("docker", "inspect", *ids.values())
        return dict(zip(ids, json.loads(done.stdout), strict=True))

    def starts(self) -> dict[str, tuple[str, str]]:
        """Which container each service has, and when it was started."""
        return {
            name: (entry["Id"], entry["State"]["StartedAt"])
            for name, entry in self.containers().items()
        }

    def health(self, service: str) -> str:
        return str(self.containers()[service]["State"]["Health"]["Status"])

    def chat(self, key: str | None, **more: object) -> Reply:
        """A chat through the gateway, not streamed unless asked."""
        body = {"model": "lectern-101", **QUESTION, **more}
        return ask(self.url("gateway") + CHAT, key, body)

    def new_key(self, name: str) -> str:
        return self.compose("exec", "-T", "gateway", "lectern", "keys", "create", "--name", name)[
            :-1
        ]


def ask(url: str, key: str | None = None, body: object = None) -> Reply:
    """GET, or POST when there is a body; an error status is an answer like any other."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"Content-Type": "application/json"})  # noqa: S310
    if key is not None:
        request.add_header("Authorization", f"Bearer {key}")
    try:
        with urllib.request.urlopen(request, timeout=60) as response:  # noqa: S310
            return Reply(response.status, response.read().decode())
    except HTTPError as error:
        with error:
            return Reply(error.code, error.read().decode())


@contextmanager
def project(kind: str, **settings: str) -> Iterator[Project]:
    """A project whose containers, volumes, network and images are gone afterwards."""
    ports = {service.name: free_port() for service in ALL}
    stack = Project(f"lectern-test-{kind}-{os.getpid()}", ports, settings)
    try:
        yield stack
    finally:
        stack.compose("down", "--volumes", "--remove-orphans", "--rmi", "local", "--timeout", "5")
