"""The request log: the ledger's newest rows, each key its own, everybody's with the scope."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest

from gateway.database import open_database
from gateway.ledger import Ledger
from gateway.request_routes import Wanted, newest_rows
from gateway.settings import GatewaySettings
from tests.fault_upstream import Exchange, fault_upstream
from tests.gateway.conftest import Front, gateway_before
from tests.gateway.test_ledger import row

PATH = "/lectern/requests"
CHAT = "/v1/chat/completions"
ANSWER = b'{"choices": [], "usage": {"prompt_tokens": 11, "completion_tokens": 4}}'
SECRET = "a prompt that nobody else may read"


@pytest.fixture(scope="module")
def front(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Front]:
    """A gateway that two people have asked: ana twice, the second time for nothing, then bob."""

    def behave(exchange: Exchange) -> None:
        exchange.answer(ANSWER)

    with fault_upstream(behave) as upstream:
        with gateway_before(upstream.url, tmp_path_factory.mktemp("requests")) as front:
            messages = [{"role": "user", "content": SECRET}]
            front.client.post(CHAT, json={"model": "m", "messages": messages})
            front.client.post(CHAT, json={"model": 7, "messages": []})
            with asking(front, "bob") as bob:
                bob.post(CHAT, json={"model": "m", "messages": messages})
            yield front


def asking(front: Front, name: str, *scopes: str) -> httpx.Client:
    """A client with a new key."""
    words = [word for scope in scopes for word in ("--scope", scope)]
    key = front.new_key(name, *words)
    return httpx.Client(base_url=front.service.url, headers={"Authorization": f"Bearer {key}"})


def test_a_key_sees_its_own_requests_the_newest_first(front: Front) -> None:
    answer = front.client.get(PATH)
    shown = answer.json()
    assert shown["reach"] == "own"
    refused, first = shown["data"]
    assert (refused["key"], refused["status"]) == ("tests", 400)
    assert (first["model"], first["route"], first["outcome"], first["status"]) == (
        *("m", CHAT),
        *("ok", 200),
    )
    assert (first["prompt_tokens"], first["completion_tokens"], first["estimated"]) == (
        *(11, 4),
        False,
    )
    assert first["first_token_ms"] is None  # came whole
    assert first["duration_ms"] > 0
    assert abs(datetime.fromisoformat(first["began_at"]) - datetime.now(UTC)) < timedelta(minutes=5)
    assert SECRET not in answer.text
    assert "lk-" not in answer.text
    assert answer.headers["cache-control"] == "no-store"


def test_looks_at_the_list_of_models_need_not_crowd_the_log(front: Front) -> None:
    with asking(front, "dora") as dora:
        dora.post(CHAT, json={"model": "m", "messages": [{"role": "user", "content": SECRET}]})
        dora.get("/v1/models")
        dora.post(CHAT, json={"model": 7, "messages": []})

        def routes(**params: str) -> list[tuple[str, int]]:
            rows = dora.get(PATH, params=params).json()["data"]
            return [(each["route"], each["status"]) for each in rows]

        assert routes() == [(CHAT, 400), ("/v1/models", 200), (CHAT, 200)]
        assert routes(looks="false") == [(CHAT, 400), (CHAT, 200)]
        assert routes(looks="false", limit="2") == [(CHAT, 400), (CHAT, 200)]


@pytest.mark.parametrize("scope", ["admin", "requests:read"])
def test_the_scope_shows_everybodys(front: Front, scope: str) -> None:
    with asking(front, scope.replace(":", "-"), scope) as client:
        shown = client.get(PATH).json()
        assert shown["reach"] == "all"
        assert {"bob", "tests"} <= {each["key"] for each in shown["data"]}


def test_no_other_scope_does(front: Front) -> None:
    scopes = ("chat", "embed", "models:read", "models:manage")
    with asking(front, "carol", *scopes) as client:
        shown = client.get(PATH).json()
        assert shown == {"object": "list", "reach": "own", "running": [], "data": []}


@pytest.mark.parametrize("limit", ["0", "201", "many"])
def test_a_limit_that_is_none_is_named(front: Front, limit: str) -> None:
    answer = front.client.get(PATH, params={"limit": limit})
    assert answer.status_code == 400
    assert "limit" in answer.json()["error"]["message"]


@pytest.mark.usefixtures("each_database")
async def test_the_newest_of_a_ledger_come_with_their_time(tmp_path: Path) -> None:
    database = open_database(GatewaySettings(gateway_data_dir=tmp_path))
    ledger = Ledger(database)
    ledger.start()
    began = datetime(2026, 11, 23, 12, tzinfo=UTC)
    for number, owner in enumerate(["o1", "o2", "o1"]):
        await ledger.record(row(number, owner=owner, began_at=began + timedelta(hours=number)))
    await ledger.stop()
    assert [each["request_id"] for each in newest_rows(database, Wanted(limit=2))] == [
        "req_2",
        "req_1",
    ]
    newest, oldest = newest_rows(database, Wanted(), owner="o1")
    assert (newest["request_id"], oldest["request_id"]) == ("req_2", "req_0")
    assert oldest["began_at"] == began
    database.dispose()
