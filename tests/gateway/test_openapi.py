"""`/openapi.json` is true: Schemathesis asks the running gateway, before the real engine, by it.

The requests are made up by Hypothesis, the same ones in every run. Every answer must have a status,
a type and a shape that the document names, and none may be a defect.
"""

from __future__ import annotations

import contextlib
import re
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.checks import CHECKS, load_all_checks

from gateway.openapi_words import EXAMPLES, SUMMARIES
from gateway.routes import RELAYED
from tests.gateway.conftest import Front, gateway_before
from tests.gateway.doors import OPEN, every_route, open_door
from tests.running import running

NOT_DESCRIBED = {"/", "/static/{name}", "/openapi.json"}
KEPT = "/lectern/conversations"
THEIRS = ("/api/v1/models/", "/v1/messages/count_tokens")

load_all_checks()
NAMES = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_schema_conformance",
    "response_headers_conformance",
)
TRUE: Any = CHECKS.get_by_names(NAMES)
few = settings(
    max_examples=10,
    derandomize=True,
    database=None,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)


@pytest.fixture(scope="module")
def front(tmp_path_factory: pytest.TempPathFactory, teaching_models: Path) -> Iterator[Front]:
    """A gateway and an engine of this module's own: a request may unload the model."""
    folder = tmp_path_factory.mktemp("openapi")
    env = {"ENGINE_TEACHING_DIR": str(teaching_models), "ENGINE_TOKENS_PER_SECOND": "0"}
    with running("engine", folder, env) as engine, gateway_before(engine.url, folder) as opened:
        scopes = ("chat", "embed", "models:read", "models:manage", "admin")
        words = [word for scope in scopes for word in ("--scope", scope)]
        key = opened.new_key("boss", *words)
        opened.client.headers["Authorization"] = f"Bearer {key}"
        yield opened


@pytest.fixture(scope="module")
def operations(front: Front) -> list[Any]:
    """Every operation that the document describes."""
    document = httpx.get(front.service.url + "/openapi.json").json()
    schema = schemathesis.openapi.from_dict(document)
    found: list[Any] = list(schema.get_all_operations())
    return [operation.ok() for operation in found]


def ask(front: Front, case: Any) -> None:
    """Sends one made-up request with a good key and holds the answer against the document."""
    headers = {"Authorization": front.client.headers["Authorization"]}
    answer = case.call(base_url=front.service.url, headers=headers)
    # No room for one more model, no such route: the model server's own word.
    theirs = answer.status_code >= 500 and case.path.startswith(THEIRS)
    assert b"made a mistake" not in answer.content
    case.validate_response(answer, checks=TRUE[1:] if theirs else TRUE)


@pytest.mark.parametrize("mode", list(GenerationMode))
def test_any_request_is_answered_as_described(
    operations: list[Any], front: Front, subtests: pytest.Subtests, mode: GenerationMode
) -> None:
    for operation in operations:

        @few
        @given(operation.as_strategy(generation_mode=mode))
        def hold(case: Any) -> None:
            ask(front, case)

        # A route that takes nothing cannot be asked wrongly.
        with subtests.test(operation.label), contextlib.suppress(Unsatisfiable):
            hold()


def conversation(client: httpx.Client) -> dict[str, str]:
    path = client.post(KEPT, json={}).headers["location"]
    added = client.post(f"{path}/messages", json={"role": "user", "content": "x"}).json()
    return {"conversation": path.rpartition("/")[2], "message": added["message"]["id"]}


def preset(client: httpx.Client) -> dict[str, str]:
    body = {"name": uuid.uuid4().hex, "settings": {}}
    return {"preset": client.post("/lectern/presets", json=body).json()["id"]}


def vote(client: httpx.Client) -> dict[str, str]:
    body = {"choice": "tie", "left": {"model": "a"}, "right": {"model": "b"}}
    return {"vote": client.post("/lectern/votes", json=body).json()["id"]}


def key(client: httpx.Client) -> dict[str, str]:
    name = f"key-{uuid.uuid4().hex}"
    client.post("/lectern/admin/keys", json={"name": name})
    return {"name": name}


# What makes a new thing for the first part of a path that varies.
MAKERS: dict[str, Callable[[httpx.Client], dict[str, str]]] = {
    "conversation": conversation,
    "preset": preset,
    "vote": vote,
    "name": key,
    "model": lambda _: {"model": "lectern-101"},
    "job": lambda _: {"job": "1"},
}


def test_requests_for_things_that_are_there_are_answered_as_described(
    operations: list[Any], front: Front, subtests: pytest.Subtests
) -> None:
    for operation in (each for each in operations if "{" in each.path):

        @few
        @given(operation.as_strategy())
        def hold(case: Any) -> None:
            parts = re.findall(r"{(\w+)}", case.operation.path)
            there = MAKERS[parts[0]](front.client)
            case.path_parameters = {part: there[part] for part in parts}
            case.headers = {"If-Match": "*"}
            ask(front, case)

        with subtests.test(operation.label):
            hold()


async def test_every_route_is_described(tmp_path: Path) -> None:
    async with open_door(tmp_path, "http://127.0.0.1:9") as door:
        described = {
            (method.upper(), path)
            for path, item in door.app.openapi()["paths"].items()
            for method in item
        }
        routes = {
            (method, path.replace(":path}", "}"))
            for method, path in every_route(door.app)
            if method != "HEAD" and path not in NOT_DESCRIBED
        }
    assert described == routes


def test_every_relayed_route_has_a_summary_and_every_body_an_example() -> None:
    paths = {route.path.replace(":path}", "}"): route for route in RELAYED}
    assert set(paths) <= set(SUMMARIES)
    assert {path for path, route in paths.items() if route.method == "POST"} <= set(EXAMPLES)


async def test_what_needs_a_key_says_so_and_nothing_else_does(tmp_path: Path) -> None:
    async with open_door(tmp_path, "http://127.0.0.1:9") as door:
        answer = await door.ask("GET", "/openapi.json")
    document = answer.json()
    assert answer.status_code == 200  # public: it says nothing that the repository does not
    described = [
        (path, operation) for path, item in document["paths"].items() for operation in item.values()
    ]
    assert {path for path, it in described if "security" not in it} == OPEN - NOT_DESCRIBED
    schemes = document["components"]["securitySchemes"].values()
    names = {scheme.get("scheme", scheme.get("name")) for scheme in schemes}
    assert names == {"bearer", "x-api-key"}
    errors = document["paths"]["/v1/messages"]["post"]["responses"]["401"]["content"]
    assert errors["application/json"]["schema"]["$ref"].endswith("/MessagesError")
    stream = document["paths"]["/v1/chat/completions"]["post"]["responses"]["200"]["content"]
    assert set(stream) == {"application/json", "text/event-stream"}
