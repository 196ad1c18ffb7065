"""Where a request goes when several model servers could take it."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest

from tests.fault_upstream import Exchange, FaultUpstream
from tests.gateway.model_servers import (
    ask,
    listing,
    manager,
    metrics,
    two_servers,
    well,
)
from tests.running import wait_until

LOADED = [{"id": "m", "config": {"parallel": 3}}]


def native(*, loaded: bool) -> bytes:
    """The lists of an LM Studio that has the model downloaded, and maybe loaded."""
    entry = {"key": "m", "loaded_instances": LOADED if loaded else []}
    return orjson.dumps({"data": [{"id": "m"}], "models": [entry]})


def targets(server: FaultUpstream) -> list[str]:
    return [exchange.target for exchange in server.seen]


def test_it_goes_where_the_model_is_loaded(folder: Path) -> None:
    servers = (well, native(loaded=False)), (well, native(loaded=True))
    with two_servers(folder, *servers) as (front, desk, gpu):
        for number in range(4):
            assert ask(front, text=f"question {number}").status_code == 200
        assert (len(desk.seen), len(gpu.seen)) == (0, 4)


def test_the_native_list_shows_where_it_is_loaded(folder: Path) -> None:
    servers = (well, native(loaded=False)), (well, native(loaded=True))
    with two_servers(folder, *servers) as (front, *_):
        (row,) = front.client.get("/api/v1/models").json()["models"]
        assert row["loaded_instances"] == LOADED


def test_a_model_is_loaded_where_it_is_not_yet(folder: Path) -> None:
    servers = (well, native(loaded=True)), (well, native(loaded=False))
    with two_servers(folder, *servers) as (front, desk, gpu):
        assert ask(front).status_code == 200  # the lists are known now
        url = front.service.url + "/api/v1/models/load"
        httpx.post(url, json={"model": "m"}, headers=manager(front))
        assert "/api/v1/models/load" in targets(gpu)
        assert "/api/v1/models/load" not in targets(desk)


def test_a_download_and_its_status_are_asked_of_the_same_server(folder: Path) -> None:
    busy, go_on = threading.Event(), threading.Event()

    def behave(exchange: Exchange) -> None:
        if b"busy" in exchange.body:
            busy.set()
            go_on.wait(60)
        well(exchange)

    with two_servers(folder, (behave, listing("m"))) as (front, desk, gpu):
        waiting = threading.Thread(target=ask, args=(front, "m", "busy"))
        waiting.start()
        assert busy.wait(60)  # so that the first is not the least loaded
        headers = manager(front)
        url = front.service.url + "/api/v1/models/download"
        httpx.post(url, json={"model": "new"}, headers=headers)
        httpx.get(url + "/status/job-1", headers=headers)
        go_on.set()
        waiting.join()
        assert targets(desk)[1:] == [
            "/api/v1/models/download",
            "/api/v1/models/download/status/job-1",
        ]
        assert gpu.seen == []


def test_slots_add_up_and_each_server_gets_no_more_than_its_own(folder: Path) -> None:
    go_on = threading.Event()

    def waits(exchange: Exchange) -> None:
        go_on.wait(60)
        well(exchange)

    servers = (waits, native(loaded=True)), (waits, listing("m"))
    with two_servers(folder, *servers, UPSTREAM_SLOTS="gpu=2") as (front, desk, gpu):
        askers = [threading.Thread(target=ask, args=(front, "m", f"{n}")) for n in range(7)]
        for asker in askers:
            asker.start()
        wait_until(lambda: (len(desk.seen), len(gpu.seen)) == (3, 2), "five to be under way")
        wait_until(lambda: 'waiting{gen_ai_request_model="m"} 2.0' in metrics(front), "two in line")
        assert (len(desk.seen), len(gpu.seen)) == (3, 2)
        go_on.set()
        for asker in askers:
            asker.join()
        assert len(desk.seen) + len(gpu.seen) == 7


def responding(exchange: Exchange) -> None:
    """Answers as a server that keeps its responses; their ids have the model's name."""
    asked = orjson.loads(exchange.body)
    answer: dict[str, Any] = {
        "id": f"resp_{asked['model']}",
        "object": "response",
        "error": None,
        "output": [],
        "usage": {"input_tokens": 1, "output_tokens": 1},
    }
    kind, field = "response.completed", "response"
    if exchange.target == "/api/v1/chat":
        stats = {"input_tokens": 1, "total_output_tokens": 1}
        answer = {"response_id": answer["id"], "output": [], "stats": stats}
        kind, field = "chat.end", "result"
    if not asked["stream"]:
        exchange.answer(orjson.dumps(answer))
        return
    data = orjson.dumps({"type": kind, field: answer})
    exchange.start_stream()
    exchange.chunk(b"event: %s\ndata: %s\n\n" % (kind.encode(), data))
    exchange.end_stream()


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("path", ["/v1/responses", "/api/v1/chat"])
def test_what_goes_on_from_an_answer_goes_to_who_keeps_it(
    folder: Path, path: str, stream: bool
) -> None:
    servers = (responding, listing("m", "small")), (responding, listing("m", "large"))
    with two_servers(folder, *servers) as (front, desk, gpu):
        for own, server in (("small", desk), ("large", gpu)):
            body = {"model": own, "input": "Hello.", "stream": stream}
            assert front.client.post(path, json=body).status_code == 200
            assert len(server.seen) == 1
            body |= {"model": "m", "previous_response_id": f"resp_{own}"}
            for _ in range(3):
                assert front.client.post(path, json=body).status_code == 200
            assert len(server.seen) == 4
            desk.seen.clear()
            gpu.seen.clear()
