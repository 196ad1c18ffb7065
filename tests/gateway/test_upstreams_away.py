"""A model server that is away: who notices, who is told what, and what is not done meanwhile."""

from __future__ import annotations

import threading
from pathlib import Path

import httpx
import pytest

from tests.fault_upstream import Exchange
from tests.gateway.model_servers import (
    CHAT,
    ask,
    dies,
    in_front_of,
    listing,
    manager,
    metrics,
    two_servers,
    well,
)
from tests.running import wait_until


class Machine:
    """A model server that can be switched off, its list of models included."""

    def __init__(self, *models: str) -> None:
        self._list = listing(*models)
        self.off = threading.Event()
        self.lists = 0

    def __call__(self, exchange: Exchange) -> None:
        if exchange.target == "/v1/models":
            self.lists += 1
        if self.off.is_set():
            exchange.die()
        elif exchange.target == CHAT:
            well(exchange)
        elif exchange.target == "/v1/models":
            exchange.answer(self._list)
        else:
            exchange.answer(b'{"error":"no such route"}', "404 Not Found")


def test_it_is_noticed_without_a_request_and_taken_back(folder: Path) -> None:
    gpu = Machine("large")
    with two_servers(folder, (well, listing("small")), (gpu, None)) as (front, _, _gpu):
        assert ask(front, "large").status_code == 200
        gpu.off.set()
        wait_until(lambda: "'gpu' does not answer any more" in front.service.log, "the notice")
        assert 'lectern_upstream_up{upstream="gpu"} 0.0' in metrics(front)
        refused = ask(front, "large")
        assert refused.status_code == 503
        assert refused.json()["error"]["code"] == "no_model_server"
        assert [e["id"] for e in front.client.get("/v1/models").json()["data"]] == ["small"]
        gpu.off.clear()
        wait_until(lambda: "'gpu' answers again" in front.service.log, "the notice")
        assert ask(front, "large").status_code == 200


def test_who_is_away_is_not_asked_for_its_models(folder: Path) -> None:
    gpu = Machine("large")
    gpu.off.set()
    with two_servers(folder, (well, listing("small")), (gpu, None)) as (front, _, _gpu):
        wait_until(lambda: "'gpu' does not answer any more" in front.service.log, "the notice")
        asked = gpu.lists
        for _ in range(20):
            assert ask(front, "unknown").status_code == 404
            assert front.client.get("/v1/models").status_code == 200
            assert front.client.get("/api/v0/models").status_code < 500
        assert gpu.lists - asked <= 3  # its health checks go on, ever more seldom


def test_a_proxy_that_says_502_for_a_dead_server_is_believed(folder: Path) -> None:
    def proxy(exchange: Exchange) -> None:
        exchange.answer(b"<html>Bad Gateway</html>", "502 Bad Gateway")

    with two_servers(folder, (well, listing("m")), (proxy, None)) as (front, _, _gpu):
        wait_until(lambda: "'gpu' does not answer any more" in front.service.log, "the notice")
        assert ask(front).status_code == 200


def test_an_error_that_a_request_brings_about_shuts_nobody_out(folder: Path) -> None:
    def chokes(exchange: Exchange) -> None:
        if b"too much" in exchange.body:
            exchange.answer(b'{"error":"Compute error."}', "500 Internal Server Error")
        else:
            well(exchange)

    with two_servers(folder, (chokes, listing("m")), (chokes, listing("m"))) as (front, *_):
        for number in range(8):
            assert ask(front, text=f"too much {number}").status_code == 500
        assert ask(front).status_code == 200
        assert "does not answer any more" not in front.service.log


def test_who_waits_in_line_is_told_and_never_served_by_another_model(folder: Path) -> None:
    gpu, go_on = Machine("large"), threading.Event()

    def one_at_a_time(exchange: Exchange) -> None:
        if b"the first" in exchange.body:
            go_on.wait(60)
        gpu(exchange)

    with two_servers(
        folder, (well, listing("small")), (one_at_a_time, None), GATEWAY_SLOTS="1"
    ) as (front, desk, server):
        assert ask(front, "large").status_code == 200
        answers: list[httpx.Response] = []
        first = threading.Thread(target=lambda: answers.append(ask(front, "large", "the first")))
        first.start()
        wait_until(lambda: any(b"the first" in x.body for x in server.seen), "the first request")
        waiting = threading.Thread(target=lambda: answers.append(ask(front, "large", "later")))
        waiting.start()
        wait_until(lambda: 'waiting{gen_ai_request_model="large"} 1.0' in metrics(front), "a line")
        gpu.off.set()
        wait_until(lambda: "'gpu' does not answer any more" in front.service.log, "the notice")
        go_on.set()
        first.join()
        waiting.join()
        assert sorted(answer.status_code for answer in answers) == [502, 503]
        assert all(exchange.target != CHAT for exchange in desk.seen)


def test_a_request_that_servers_die_of_does_not_visit_them_all(folder: Path) -> None:
    three = dict.fromkeys(("a", "b", "c"), (dies, listing("m")))
    with in_front_of(three, folder) as (front, servers):
        assert ask(front).status_code == 502
        assert [bool(server.seen) for server in servers.values()] == [True, True, False]


def test_the_ledgers_and_the_logs_line_of_a_failure_name_the_server(folder: Path) -> None:
    servers = {"desk": (well, listing("small")), "gpu": (dies, listing("large"))}
    with in_front_of(servers, folder) as (front, _):
        answer = ask(front, "large")
        assert answer.status_code == 502
        assert "The model server 'gpu' cannot be reached" in answer.json()["error"]["message"]
        wait_until(lambda: '"upstream":"gpu"' in front.service.log, "the line of the request")


@pytest.mark.parametrize("path", ["/v1/models", "/api/v1/models", "/api/v0/models"])
def test_lists_say_so_when_all_are_away(folder: Path, path: str) -> None:
    desk, gpu = Machine("small"), Machine("large")
    with two_servers(folder, (desk, None), (gpu, None)) as (front, _, _gpu):
        desk.off.set()
        gpu.off.set()
        wait_until(lambda: front.service.log.count("does not answer any more") == 2, "the notices")
        assert front.client.get(path).status_code == 503


def test_readiness_tells_how_many_answer(folder: Path) -> None:
    gpu = Machine("large")
    with two_servers(folder, (well, listing("small")), (gpu, None)) as (front, _, _gpu):
        ready = front.client.get("/readyz").json()
        assert ready["model_servers"] == {"answering": 2, "of": 2}
        gpu.off.set()

        def one_left() -> bool:
            return bool(front.client.get("/readyz").json()["model_servers"]["answering"] == 1)

        wait_until(one_left, "one to be left")
        assert front.client.get("/readyz").json()["status"] == "ready"
        assert "1 of 2 model servers answer." in front.client.get("/").text
        assert "gpu" not in front.client.get("/readyz").text


def test_what_must_not_be_done_twice_goes_out_on_a_fresh_connection(folder: Path) -> None:
    def closes_at_that_moment(exchange: Exchange) -> None:
        if exchange.target.endswith("/load"):
            loads.append(exchange)
            exchange.die()
        else:
            well(exchange)

    loads: list[Exchange] = []
    with two_servers(folder, (closes_at_that_moment, listing("m"))) as (front, desk, _):
        assert ask(front).status_code == 200  # leaves a connection behind
        headers = manager(front)
        url = front.service.url + "/api/v1/models/load"
        assert httpx.post(url, json={"model": "m"}, headers=headers).status_code == 502
        assert len(loads) == 1
        kept = {id(exchange._socket) for exchange in desk.seen if exchange.target == CHAT}
        assert id(loads[0]._socket) not in kept
