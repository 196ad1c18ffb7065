"""`/v1/models` and `/v1/models/{id}` as a caller sees them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import openai
import orjson
import pytest

from tests.fault_upstream import Exchange, fault_upstream
from tests.gateway.conftest import Front, gateway_before
from tests.running import free_port

ENTRY = {"id": "google/gemma@q8_0", "object": "model", "owned_by": "organization_owner", "odd": 1}
ENTRIES: list[dict[str, Any]] = [ENTRY, {"id": "lectern-101", "object": "model"}]
NATIVE = [
    {
        "key": "lectern-101",
        "variants": ["lectern-101@q4_0"],
        "loaded_instances": [{"id": "mine", "config": {"parallel": 2}}],
    }
]
MODELS = orjson.dumps({"object": "list", "data": ENTRIES, "models": NATIVE})
ALIASES = "gpt-4o-mini=lectern-101,text/small=google/gemma@q8_0,ghost=nobody"


def refuse(exchange: Exchange) -> None:
    exchange.answer(b'{"error": "nobody should ask this"}', "500 Oops")


@pytest.fixture(scope="module")
def front(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Front]:
    folder = tmp_path_factory.mktemp("lists")
    with fault_upstream(refuse, MODELS) as upstream:
        with gateway_before(upstream.url, folder, {"GATEWAY_ALIASES": ALIASES}) as front:
            yield front


def client_of(front: Front, *options: str) -> httpx.Client:
    """A client with a key of its own."""
    made = front.lectern("keys", "create", *options)
    assert made.returncode == 0, made.stderr
    headers = {"Authorization": f"Bearer {made.stdout.strip()}"}
    return httpx.Client(base_url=front.service.url, headers=headers, timeout=60)


def test_the_list_shows_models_and_other_names_once_each(front: Front) -> None:
    listed = front.client.get("/v1/models").json()
    assert listed["object"] == "list"
    assert listed["data"] == [
        *ENTRIES,
        {"id": "gpt-4o-mini", "object": "model", "owned_by": "lectern", "root": "lectern-101"},
        {"id": "text/small", "object": "model", "owned_by": "lectern", "root": ENTRY["id"]},
    ]


@pytest.mark.parametrize("path", ["google/gemma@q8_0", "google%2Fgemma%40q8_0"])
def test_one_entry_by_its_id_encoded_or_not(front: Front, path: str) -> None:
    answer = front.client.get(f"/v1/models/{path}")
    assert answer.status_code == 200
    assert answer.json() == ENTRY


@pytest.mark.parametrize(
    ("name", "real"),
    [
        ("text/small", "google/gemma@q8_0"),
        ("gpt-4o-mini", "lectern-101"),
        ("lectern-101@q4_0", "lectern-101@q4_0"),
        ("mine", "mine"),
    ],
)
def test_names_that_a_chat_takes_have_an_entry(front: Front, name: str, real: str) -> None:
    assert front.client.get(f"/v1/models/{name}").json() == {
        "id": name,
        "object": "model",
        "owned_by": "lectern",
        "root": real,
    }


def test_a_name_for_everything_else_has_an_entry_too(folder: Path) -> None:
    with fault_upstream(refuse, MODELS) as upstream:
        with gateway_before(upstream.url, folder, {"GATEWAY_ALIASES": "*=lectern-101"}) as front:
            assert front.client.get("/v1/models/any/name").json()["root"] == "lectern-101"
            assert front.client.get("/v1/models").json()["data"] == ENTRIES


@pytest.mark.parametrize("name", ["nobody/knows@it", "ghost", "*"])
def test_the_openai_sdk_raises_its_own_exception(front: Front, name: str) -> None:
    with openai.OpenAI(base_url=front.service.url + "/v1", api_key=front.key) as client:
        assert client.models.retrieve("google/gemma@q8_0").id == "google/gemma@q8_0"
        with pytest.raises(openai.NotFoundError) as raised:
            client.models.retrieve(name)
    assert raised.value.code == "model_not_found"
    assert raised.value.param == "model"
    for known in ("google/gemma@q8_0", "lectern-101", "gpt-4o-mini"):
        assert known in raised.value.message
    assert "ghost" not in raised.value.message.replace("'ghost'", "")


def test_a_key_sees_only_what_it_may_use(front: Front) -> None:
    with client_of(front, "--name", "narrow", "--model", "lectern-*") as narrow:
        shown = [entry["id"] for entry in narrow.get("/v1/models").json()["data"]]
        assert shown == ["lectern-101", "gpt-4o-mini"]
        assert narrow.get("/v1/models/gpt-4o-mini").status_code == 200
        hidden = narrow.get("/v1/models/google/gemma@q8_0")
        assert hidden.status_code == 403
        assert hidden.json()["error"]["code"] == "model_not_allowed"
        assert narrow.get("/v1/models/text/small").status_code == 403
        unknown = narrow.get("/v1/models/lectern-x")
        assert "gemma" not in unknown.json()["error"]["message"]


def test_a_key_needs_the_scope_to_read_them(front: Front) -> None:
    with client_of(front, "--name", "chatter", "--scope", "chat") as chatter:
        for path in ("/v1/models", "/v1/models/lectern-101"):
            refused = chatter.get(path)
            assert refused.status_code == 403
            assert refused.json()["error"]["code"] == "insufficient_scope"


def test_the_native_list_passes_as_it_is(front: Front) -> None:
    assert front.client.get("/api/v1/models").content == MODELS


def test_a_model_server_that_is_away_is_no_empty_list(folder: Path) -> None:
    with gateway_before(f"http://127.0.0.1:{free_port()}", folder) as front:
        answer = front.client.get("/v1/models")
    assert answer.status_code == 502
    assert answer.json()["error"]["code"] == "model_server_unreachable"


@pytest.mark.parametrize(
    ("models", "words"),
    [
        (b'{"error": {"code": "invalid_api_key", "message": "An API token is required"}}', "API"),
        (b'{"error": "Unexpected endpoint or method. (GET /v1/models)"}', "does not know"),
    ],
)
def test_an_error_that_came_with_200_is_no_empty_list(
    folder: Path, models: bytes, words: str
) -> None:
    with fault_upstream(refuse, models) as upstream:
        with gateway_before(upstream.url, folder) as front:
            answer = front.client.get("/v1/models")
    assert answer.status_code >= 500
    assert words in answer.json()["error"]["message"]
