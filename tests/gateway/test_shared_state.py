"""Gateways that share a PostgreSQL and a Valkey, as processes: one room, whichever one is asked."""

from __future__ import annotations

import asyncio
import signal
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
from psycopg.rows import dict_row

from gateway.key_form import make_key
from tests.fault_upstream import Exchange, fault_upstream
from tests.gateway.conftest import Front, gateway_before, lectern
from tests.gateway.killing import ended_before_kill
from tests.gateway.test_models_and_usage import CHAT, DONE, MODELS, stream_with_usage
from tests.running import Service, running, wait_until
from tests.state_servers import (
    StateServer,
    new_database,
    plain,
    postgresql_server,
    valkey_server,
)

PEPPER = "0123456789abcdefghijklmnopqrstuvwxyz"
BODY = {"model": "other", "stream": True, "messages": []}


@contextmanager
def two_gateways(
    upstream: str, folder: Path, env: dict[str, str]
) -> Iterator[tuple[Front, Service]]:
    """A gateway with a key, and another with a data folder of its own, as on another machine."""
    env = {"GATEWAY_KEY_PEPPER": PEPPER, "GATEWAY_SLOTS": "1000", **env}
    other = {**env, "LMSTUDIO_URL": upstream, "GATEWAY_DATA_DIR": str(folder / "other")}
    with gateway_before(upstream, folder, env) as front:
        with running("gateway", folder, other) as second:
            yield front, second


def status(service: Service, key: str, path: str = "/v1/models") -> int:
    return httpx.get(service.url + path, headers={"x-api-key": key}, timeout=90).status_code


def asked(service: Service, key: str) -> int:
    """`status` for polling: bad keys that come fast are throttled."""
    threading.Event().wait(0.2)
    return status(service, key)


def rows(url: str) -> list[dict[str, Any]]:
    """What the ledger has of chats."""
    with psycopg.connect(plain(url), row_factory=dict_row) as connection:
        query = "SELECT * FROM requests WHERE route = %s ORDER BY id"
        return connection.execute(query, (CHAT,)).fetchall()


async def ask_at_once(urls: list[str], key: str, count: int) -> Counter[int]:
    """`count` chats at once, spread over the gateways; how often each status came."""
    bounds = httpx.Limits(max_connections=None)
    headers = {"Authorization": f"Bearer {key}"}
    async with httpx.AsyncClient(limits=bounds, timeout=120, headers=headers) as client:
        asked = (client.post(urls[n % len(urls)] + CHAT, json=BODY) for n in range(count))
        return Counter(answer.status_code for answer in await asyncio.gather(*asked))


async def test_500_calls_over_two_gateways_pass_a_limit_by_not_one(
    folder: Path, postgresql_url: str, valkey: StateServer
) -> None:
    env = {"DATABASE_URL": postgresql_url, "LIMITS_URL": valkey.url}
    with fault_upstream(stream_with_usage, MODELS) as upstream:
        with two_gateways(upstream.url, folder, env) as (front, second):
            key = front.new_key("burst", "--rpm", "100")
            wait_until(lambda: asked(second, key) == 200, "the key to be known by both")
            counted = await ask_at_once([front.service.url, second.url], key, 500)
            assert counted == {200: 100, 429: 400}
            assert len(upstream.seen) == 100
            wait_until(lambda: len(rows(postgresql_url)) == 500, "a row for each")


async def test_requests_at_once_are_counted_over_both_gateways(
    folder: Path, postgresql_url: str, valkey: StateServer
) -> None:
    released = threading.Event()

    def hold(exchange: Exchange) -> None:
        released.wait(120)
        stream_with_usage(exchange)

    env = {"DATABASE_URL": postgresql_url, "LIMITS_URL": valkey.url}
    with fault_upstream(hold, MODELS) as upstream:
        with two_gateways(upstream.url, folder, env) as (front, second):
            key = front.new_key("few", "--concurrency", "7")
            wait_until(lambda: asked(second, key) == 200, "the key to be known by both")
            urls = [front.service.url, second.url]
            asking = asyncio.create_task(ask_at_once(urls, key, 100))
            try:
                await asyncio.to_thread(
                    wait_until, lambda: len(rows(postgresql_url)) >= 93, "93 to be refused"
                )
            finally:
                released.set()
            assert await asking == {200: 7, 429: 93}
            assert await ask_at_once(urls, key, 7) == {200: 7}, "every place is free again"


def test_a_change_of_keys_counts_at_the_other_gateway_at_once(
    folder: Path, postgresql_url: str
) -> None:
    with fault_upstream(stream_with_usage, MODELS) as upstream:
        with two_gateways(upstream.url, folder, {"DATABASE_URL": postgresql_url}) as (
            front,
            second,
        ):
            key = front.new_key("ana")
            wait_until(lambda: asked(second, key) == 200, "the other to learn of the key")
            front.lectern("keys", "revoke", "ana")
            assert status(front.service, key) == 401
            wait_until(lambda: asked(second, key) == 401, "the other to learn of its end")


def test_a_database_that_is_away_is_503_never_401_and_comes_back(folder: Path) -> None:
    with postgresql_server() as server, fault_upstream(stream_with_usage, MODELS) as upstream:
        env = {"DATABASE_URL": server.url}
        with gateway_before(upstream.url, folder, env) as front:
            ask = front.client.post
            unknown = front.new_key("unused so far")
            assert ask(CHAT, json=BODY).status_code == 200
            server.stop(signal.SIGQUIT)  # at once, without a goodbye to its clients
            answer = ask(CHAT, json=BODY)
            assert answer.content.endswith(DONE), "what was accepted ends well; its row is kept"
            refused = ask(CHAT, json=BODY)
            assert refused.status_code == 503
            assert refused.json()["error"]["code"] == "ledger_unavailable"
            assert status(front.service, unknown) in (200, 503)
            assert status(front.service, make_key().text) == 503
            assert status(front.service, "lk-" + "x" * 60) == 401, "no key, database or not"
            assert status(front.service, front.key, "/lectern/conversations") == 503
            assert status(front.service, front.key, "/lectern/usage") == 503
            server.start()
            wait_until(lambda: ask(CHAT, json=BODY).status_code == 200, "business as usual")
            assert status(front.service, front.key, "/lectern/conversations") == 200
            assert status(front.service, unknown) == 200
            kept = {row["request_id"] for row in rows(server.url)}
            assert {answer.headers["x-request-id"]} <= kept


def test_a_database_that_hangs_is_waited_for_a_bounded_time(folder: Path) -> None:
    with postgresql_server() as server, fault_upstream(stream_with_usage, MODELS) as upstream:
        with gateway_before(upstream.url, folder, {"DATABASE_URL": server.url}) as front:
            ask = front.client.post
            answers = [ask(CHAT, json=BODY)]
            with server.frozen():
                answers.append(ask(CHAT, json=BODY))
                assert answers[1].content.endswith(DONE)
                assert ask(CHAT, json=BODY).status_code == 503
                assert status(front.service, make_key().text) == 503
                assert status(front.service, front.key, "/lectern/conversations") == 503
            wait_until(lambda: ask(CHAT, json=BODY).status_code == 200, "business as usual")
            ended = {answer.headers["x-request-id"] for answer in answers}
            assert ended <= {row["request_id"] for row in rows(server.url)}


def test_kill_9_loses_no_row_on_postgresql(folder: Path, postgresql_url: str) -> None:
    env = {"DATABASE_URL": postgresql_url, "GATEWAY_SLOTS": "64"}
    with fault_upstream(stream_with_usage, MODELS) as upstream:
        with gateway_before(upstream.url, folder, env) as front:
            seen = ended_before_kill(front, 200)
    assert seen <= {row["request_id"] for row in rows(postgresql_url)}


def test_limits_that_cannot_be_counted_are_503_until_they_can(folder: Path, tmp_path: Path) -> None:
    with valkey_server(tmp_path) as server, fault_upstream(stream_with_usage, MODELS) as upstream:
        with gateway_before(upstream.url, folder, {"LIMITS_URL": server.url}) as front:
            limited = {"Authorization": f"Bearer {front.new_key('ana', '--rpm', '3')}"}

            def ask() -> httpx.Response:
                return front.client.post(CHAT, json=BODY, headers=limited)

            assert ask().headers["x-ratelimit-remaining-requests"] == "2"
            server.stop(signal.SIGKILL)
            refused = ask()
            assert refused.status_code == 503
            assert refused.json()["error"]["code"] == "limits_unavailable"
            assert front.client.post(CHAT, json=BODY).status_code == 200, "no limits, no store"
            server.start()
            wait_until(lambda: ask().status_code == 200, "the store to be asked again")
            assert ask().status_code == 200
            refused = ask()
            assert refused.status_code == 429, "what was counted before still counts"
            assert refused.headers["x-ratelimit-remaining-requests"] == "0"


@pytest.mark.parametrize("command", [(), ("keys", "list"), ("usage",)])
def test_without_its_database_nothing_starts_and_no_password_is_shown(
    folder: Path, command: tuple[str, ...]
) -> None:
    url = "postgresql://lectern:canary@127.0.0.1:1/lectern"
    done = lectern(folder, *command, env={"DATABASE_URL": url, "LIMITS_URL": "valkey://:canary@h"})
    assert done.returncode == 1
    assert "The database cannot be used" in done.stderr
    assert "Traceback" not in done.stderr
    assert "canary" not in done.stdout + done.stderr


def test_both_urls_with_their_passwords_stay_out_of_the_log(
    folder: Path, tmp_path: Path, postgresql: StateServer
) -> None:
    with valkey_server(tmp_path, "--requirepass", "canary") as server:
        with new_database(postgresql) as url:
            env = {
                "DATABASE_URL": url.replace("lectern@", "lectern:canary@"),
                "LIMITS_URL": server.url.replace("//", "//:canary@"),
            }
            with fault_upstream(stream_with_usage, MODELS) as upstream:
                with gateway_before(upstream.url, folder, env) as front:
                    key = {"Authorization": f"Bearer {front.new_key('ana', '--rpm', '3')}"}
                    assert front.client.post(CHAT, json=BODY, headers=key).status_code == 200
                    server.stop()
                    assert front.client.post(CHAT, json=BODY, headers=key).status_code == 503
                    log = front.service.log
    assert "store of the limits" in front.service.log
    assert "canary" not in log + front.service.log
