"""docs/api.md: its examples are run on the real gateway, its tables are held against the code."""

from __future__ import annotations

import importlib
import importlib.util
import json
import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
import yaml

from gateway.errors import GatewayError
from gateway.keys import DEFAULT_SCOPES, Scope
from gateway.routes import RELAYED
from tests.documents import page
from tests.event_lines import event_lines
from tests.gateway.conftest import gateway_before
from tests.litellm_python import litellm_python
from tests.lmstudio_sockets import ANSWER, CHAT, lmstudio_sockets
from tests.reader import ADDRESS, Reader
from tests.running import ROOT, Service

API = page(ROOT / "docs" / "api.md")
MODEL = "lectern-101"
# What the model server's errors become: codes without a class of their own.
FOLDED = {
    ("400", "context_length_exceeded"),
    ("429", "insufficient_quota"),
    ("502", "model_server_refused"),
    ("503", "no_model_loaded"),
    ("503", "model_unloaded"),
    ("503", "model_crashed"),
    ("503", "engine_unreachable"),
}
KEY = "lk-…"
TURN = [{"role": "user", "content": "Hi"}]


def blocks(heading: str, language: str) -> list[str]:
    return API.section(heading).blocks(language)


def block(heading: str, language: str = "sh") -> str:
    (only,) = blocks(heading, language)
    return only


def test_every_example_is_tested_here() -> None:
    found = {
        (heading, language): len(blocks(heading, language))
        for heading in API.headings[1:]
        for language in ("sh", "python", "js", "yaml", "ini")
        if f"\n## {heading}\n" in API.text and blocks(heading, language)
    }
    assert found == {
        ("First call", "sh"): 1,
        ("Python", "python"): 2,
        ("JavaScript", "js"): 2,
        ("LM Studio's own SDKs", "python"): 1,
        ("LangChain", "python"): 1,
        ("LiteLLM", "python"): 1,
        ("Continue", "yaml"): 1,
        ("Open WebUI", "ini"): 1,
        ("Models", "sh"): 1,
        ("Headers", "sh"): 1,
        ("Your usage", "sh"): 2,
        ("Conversations, presets and votes", "sh"): 1,
        ("Admin API", "sh"): 1,
    }


def test_the_first_call_is_answered(reader: Reader) -> None:
    answer = json.loads(reader.shell(block("First call")))
    assert answer["choices"][0]["message"]["content"].strip()


@pytest.mark.parametrize("number", [0, 1])
def test_python(reader: Reader, number: int) -> None:
    assert reader.python(blocks("Python", "python")[number]).strip()


def test_javascript_without_a_package(reader: Reader) -> None:
    assert reader.node(blocks("JavaScript", "js")[0]).strip()


def test_javascript_with_openais_package_can_be_read(reader: Reader) -> None:
    """The package is not installed here; the address is the same as in Python."""
    program = blocks("JavaScript", "js")[1]
    reader.node(program, "--check")
    assert f'"{ADDRESS}/v1"' in program


def test_langchain(reader: Reader) -> None:
    assert reader.python(block("LangChain", "python")).strip()


def test_litellm(reader: Reader) -> None:
    told = reader.python(block("LiteLLM", "python"), str(litellm_python()))
    assert told.strip()


def test_lm_studios_own_sdk(tmp_path: Path) -> None:
    """Before a stand-in for LM Studio: the engine has no WebSockets."""
    (code,) = blocks("LM Studio's own SDKs", "python")
    with lmstudio_sockets() as server:
        with gateway_before(server.url, tmp_path, {"GATEWAY_ALIASES": f"{MODEL}={CHAT}"}) as front:
            place = front.service.url.removeprefix("http://")
            told = Reader(front.service, front.key, front.data, tmp_path).python(
                code.replace("127.0.0.1:8000", place)
            )
    assert told.strip() == "".join(ANSWER)


def test_continue(reader: Reader) -> None:
    """The fields that its reference requires, and a call made of them."""
    config = yaml.safe_load(block("Continue", "yaml"))
    assert {"name", "version", "schema", "models"} == set(config)
    assert config["schema"] == "v1"
    (model,) = config["models"]
    assert set(model) == {"name", "provider", "model", "apiBase", "apiKey"}
    assert (model["provider"], model["apiKey"]) == ("openai", KEY)
    body = {
        "model": model["model"],
        "messages": [{"role": "user", "content": "Hi"}],
        "stream": True,
    }
    headers = {"Authorization": f"Bearer {reader.key}"}
    url = reader.here(model["apiBase"]) + "/chat/completions"
    with httpx.stream("POST", url, json=body, headers=headers, timeout=120) as answer:
        assert [line for line in event_lines(answer) if line][-1] == "data: [DONE]"


def test_open_webui(reader: Reader) -> None:
    """It lists the models of a connection, then asks for a chat."""
    variables = dict(line.split("=", 1) for line in block("Open WebUI", "ini").splitlines())
    assert set(variables) == {"OPENAI_API_BASE_URL", "OPENAI_API_KEY", "ENABLE_OLLAMA_API"}
    assert variables["OPENAI_API_KEY"] == KEY
    url = urlsplit(variables["OPENAI_API_BASE_URL"])
    assert (url.scheme, url.path) == ("http", "/v1")
    compose = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    assert compose["name"] == "lectern"  # so its network is lectern_default
    assert compose["services"][url.hostname]["environment"]["GATEWAY_PORT"] == url.port
    headers = {"Authorization": f"Bearer {reader.key}"}
    with httpx.Client(base_url=reader.gateway.url + "/v1", headers=headers, timeout=120) as client:
        models = [model["id"] for model in client.get("/models").json()["data"]]
        assert MODEL in models
        body = {"model": MODEL, "messages": TURN}
        assert client.post("/chat/completions", json=body).json()["choices"]


def test_the_models(reader: Reader) -> None:
    models = json.loads(reader.shell(block("Models")))["data"]
    assert MODEL in {model["id"] for model in models}


def test_the_headers(reader: Reader) -> None:
    head = reader.shell(block("Headers")).lower()
    assert head.startswith("http/1.1 200")
    for name in ("x-request-id", "x-lectern-queue-ms", "x-lectern-overhead-ms"):
        assert f"\n{name}: " in head
        assert name in API.section("Headers").text.lower()


def test_the_usage(reader: Reader) -> None:
    reader.shell(block("First call"))
    usage, newest = blocks("Your usage", "sh")
    rows = json.loads(reader.shell(usage))["data"]
    assert rows[-1]["requests"] > 0
    assert rows[-1]["day"]
    log = json.loads(reader.shell(newest))
    assert (log["reach"], log["data"][0]["route"]) == ("own", "/v1/chat/completions")


def test_the_conversations(reader: Reader) -> None:
    shown = reader.shell(block("Conversations, presets and votes"))
    # The title and the message both hold the word; which one is shown depends on what else is kept.
    assert "<mark>token" in shown.lower()
    assert "# Tokens" in shown
    assert "What is a token?" in shown


def test_the_admin_api(reader: Reader) -> None:
    shown = reader.shell(block("Admin API"))
    made, end = json.JSONDecoder().raw_decode(shown)
    revoked = json.loads(shown[end:])
    assert (made["name"], made["rpm"], made["state"]) == ("bob", 30, "active")
    assert made["key"].startswith("lk-")
    assert revoked["state"] == "revoked"
    assert "key" not in revoked


def test_the_routes_are_those_of_the_gateway() -> None:
    rows = {row[0].strip("`"): row[1] for row in API.section("Routes and scopes").rows()}
    assert set(Scope) <= set(rows)
    for route in RELAYED:
        named = f"`{route.method} {route.path.replace(':path', '')}`"
        for scope in Scope:
            assert (named in rows[scope]) == (scope is route.scope), (named, scope)
    for scope in DEFAULT_SCOPES:
        assert f"`{scope}`" in API.section("Routes and scopes").prose


def errors() -> Iterator[type[GatewayError]]:
    """Every kind of error that the gateway's modules know."""
    for path in (ROOT / "services" / "gateway").glob("*.py"):
        if path.stem not in ("__init__", "__main__"):
            importlib.import_module(f"gateway.{path.stem}")
    waiting = [GatewayError]
    while waiting:
        kind = waiting.pop()
        yield kind
        waiting += kind.__subclasses__()


def test_the_errors_are_those_of_the_gateway() -> None:
    rows = API.section("Errors").rows()
    documented = {(row[0], code) for row in rows for code in re.findall(r"`(\w+)`", row[1])}
    # 499 ends a call on a WebSocket that its caller cancelled: nobody is told it.
    raised = {
        (str(kind.status), kind.code) for kind in errors() if kind.code and kind.status != 499
    }
    assert documented == raised | FOLDED
    assert all(row[2] and row[3] for row in rows)


def test_the_description_is_where_the_page_says(gateway: Service) -> None:
    assert f"<{ADDRESS}/openapi.json>" in API.text
    assert httpx.get(gateway.url + "/openapi.json").json()["info"]["title"] == "Lectern gateway"
