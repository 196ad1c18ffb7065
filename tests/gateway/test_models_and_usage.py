"""Names of models, the usage chunk, and the row that every request leaves behind."""

from __future__ import annotations

import os
import sqlite3
import subprocess
from pathlib import Path
from typing import Any

import httpx
import openai
import orjson
import pytest

from tests.event_lines import event_lines
from tests.fault_upstream import Exchange, fault_upstream
from tests.gateway.conftest import Front, gateway_before
from tests.gateway.killing import ended_before_kill
from tests.running import wait_until

CHAT = "/v1/chat/completions"
MODELS = orjson.dumps(
    {"data": [{"id": "lectern-101"}, {"id": "other"}], "models": [{"key": "lectern-101"}]}
)
CHUNK = b'data: {"choices":[{"index":0,"delta":{"content":"x"}}]}\n\n'
USAGE = b'data: {"choices":[],"usage":{"prompt_tokens":11,"completion_tokens":3}}\n\n'
DONE = b"data: [DONE]\n\n"
SCOPES = ("chat", "models:read", "models:manage")


def stream_with_usage(exchange: Exchange) -> None:
    exchange.start_stream()
    asked = orjson.loads(exchange.body).get("stream_options") or {}
    exchange.chunk(CHUNK)
    if asked.get("include_usage"):
        exchange.chunk(USAGE)
    exchange.chunk(DONE)
    exchange.end_stream()


def rows(front: Front) -> list[dict[str, Any]]:
    """The ledger, read from its file by another process's eyes."""
    with sqlite3.connect(front.data / "lectern.db") as connection:
        connection.row_factory = sqlite3.Row
        return [dict(row) for row in connection.execute("select * from requests order by id")]


def test_an_unknown_model_is_404_with_the_names_that_exist(folder: Path) -> None:
    with fault_upstream(stream_with_usage, MODELS) as upstream:
        with gateway_before(upstream.url, folder) as front:
            client = openai.OpenAI(base_url=front.service.url + "/v1", api_key=front.key)
            with client, pytest.raises(openai.NotFoundError) as raised:
                client.chat.completions.create(model="gpt-4o-mini", messages=[])
            assert raised.value.code == "model_not_found"
            assert "lectern-101, other" in raised.value.message
            assert upstream.seen == []
            assert [row["outcome"] for row in rows(front)] == ["model_not_found"]


@pytest.mark.parametrize("aliases", ["gpt-4o-mini=lectern-101", "*=lectern-101"])
def test_an_alias_reaches_the_real_model(folder: Path, aliases: str) -> None:
    env = {"GATEWAY_ALIASES": aliases}
    with fault_upstream(stream_with_usage, MODELS) as upstream:
        with gateway_before(upstream.url, folder, env) as front:
            body = {"model": "gpt-4o-mini", "stream": True, "messages": ["ä"]}
            assert front.client.post(CHAT, json=body).content == CHUNK + DONE
            sent = orjson.loads(upstream.seen[0].body)
    assert (sent["model"], sent["messages"]) == ("lectern-101", ["ä"])


def test_a_setting_that_is_no_alias_stops_the_start(folder: Path) -> None:
    done = subprocess.run(
        ["env", "GATEWAY_ALIASES=gpt-4o", *_python("-m", "gateway")],
        capture_output=True,
        text=True,
        check=False,
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(Path.cwd() / "services")},
    )
    assert done.returncode == 1
    assert "GATEWAY_ALIASES" in done.stderr
    assert "'gpt-4o'" in done.stderr


def _python(*arguments: str) -> list[str]:
    import sys

    return [sys.executable, *arguments]


@pytest.mark.parametrize("asked", [True, False])
def test_usage_is_metered_and_shown_to_who_asked(folder: Path, asked: bool) -> None:
    with fault_upstream(stream_with_usage, MODELS) as upstream:
        with gateway_before(upstream.url, folder) as front:
            body: dict[str, Any] = {"model": "other", "stream": True, "messages": []}
            if asked:
                body["stream_options"] = {"include_usage": True}
            answer = front.client.post(CHAT, json=body)
            assert answer.content == (CHUNK + USAGE + DONE if asked else CHUNK + DONE)
            assert float(answer.headers["x-lectern-queue-ms"]) == 0
            assert float(answer.headers["x-lectern-overhead-ms"]) > 0
            (row,) = rows(front)
    assert (row["prompt_tokens"], row["completion_tokens"], row["estimated"]) == (11, 3, 0)
    assert (row["key_name"], row["model"], row["route"]) == ("tests", "other", CHAT)
    assert (row["outcome"], row["status"], row["request_id"]) == (
        "ok",
        200,
        answer.headers["x-request-id"],
    )
    assert row["first_token_ms"] <= row["duration_ms"]


def test_the_times_of_tokens_are_told_of_streams_alone(folder: Path) -> None:
    def behave(exchange: Exchange) -> None:
        if orjson.loads(exchange.body)["stream"]:
            stream_with_usage(exchange)
        else:
            usage = {"prompt_tokens": 11, "completion_tokens": 3}
            exchange.answer(orjson.dumps({"choices": [], "usage": usage}))

    with fault_upstream(behave, MODELS) as upstream, gateway_before(upstream.url, folder) as front:
        for stream in (True, False):
            body: dict[str, Any] = {"model": "other", "stream": stream, "messages": []}
            assert front.client.post(CHAT, json=body).status_code == 200
        headers = {"x-api-key": front.new_key("prometheus", "--scope", "admin")}
        page = httpx.get(front.service.url + "/metrics", headers=headers).text
    assert "gen_ai_server_request_duration_seconds_count 2.0" in page
    assert "gen_ai_server_time_to_first_token_seconds_count 1.0" in page
    assert "gen_ai_server_time_per_output_token_seconds_count 1.0" in page


def test_nothing_is_billed_where_no_model_worked(folder: Path) -> None:
    """A look at the list, a load, and a question that the model server refuses."""

    def behave(exchange: Exchange) -> None:
        if exchange.target == CHAT:
            error = {"message": "request exceeds the available context size", "type": "x"}
            exchange.answer(orjson.dumps({"error": error}), "400 Bad Request")
        else:
            exchange.answer(b"{}")

    with fault_upstream(behave, MODELS) as upstream, gateway_before(upstream.url, folder) as front:
        key = front.new_key("boss", *(f"--scope={each}" for each in SCOPES))
        body: dict[str, Any] = {"model": "other", "messages": ["x" * 4000]}
        headers = {"Authorization": f"Bearer {key}"}
        with httpx.Client(base_url=front.service.url, headers=headers) as boss:
            assert boss.get("/api/v0/models").status_code == 200
            assert boss.post("/api/v1/models/load", json=body).status_code == 200
            assert boss.post(CHAT, json=body).status_code == 400
        billed = [(row["route"], row["prompt_tokens"], row["estimated"]) for row in rows(front)]
    assert billed == [("/api/v0/models", 0, 0), ("/api/v1/models/load", 0, 0), (CHAT, 0, 0)]


def test_who_leaves_is_billed_for_what_was_produced(folder: Path) -> None:
    def behave(exchange: Exchange) -> None:
        exchange.start_stream()
        for _ in range(7):
            exchange.chunk(CHUNK)
        exchange.wait_until_caller_left()

    with fault_upstream(behave, MODELS) as upstream, gateway_before(upstream.url, folder) as front:
        body = {"model": "other", "stream": True, "messages": ["x" * 396]}
        with front.client.stream("POST", CHAT, json=body) as stream:
            chunks = event_lines(stream)
            for _ in range(13):
                next(chunks)
        wait_until(lambda: rows(front), "the row")
        (row,) = rows(front)
    assert row["outcome"] == "caller_left"
    assert row["completion_tokens"] == 7
    assert 100 <= row["prompt_tokens"] <= 150
    assert row["estimated"] == 1


@pytest.mark.parametrize(
    ("behave", "outcome"),
    [
        (lambda x: x.die(), "model_server_unreachable"),
        (lambda x: x.answer(b'{"error":"bad"}', "400 Bad Request"), "invalid_request"),
        (lambda x: (x.start_stream(), x.chunk(CHUNK), x.end_stream()), "truncated"),
        (lambda x: (x.start_stream(), x.chunk(CHUNK), x.die()), "truncated"),
    ],
)
def test_every_ending_leaves_one_row_and_no_slot_taken(
    folder: Path, behave: Any, outcome: str
) -> None:
    env = {"GATEWAY_SLOTS": "1", "GATEWAY_QUEUE_TIMEOUT_S": "5"}
    with fault_upstream(behave, MODELS) as upstream:
        with gateway_before(upstream.url, folder, env) as front:
            body = {"model": "other", "stream": True, "messages": []}
            for number in range(1, 4):  # a leaked slot would make the second one wait
                front.client.post(CHAT, json=body)
                assert [row["outcome"] for row in rows(front)] == [outcome] * number


def test_ledger_log_and_metrics_say_what_the_caller_was_told(folder: Path) -> None:
    """In an answer, and in a stream that has begun: the model server calls it its own failure."""
    overflow = b'{"error": {"message": "Context size has been exceeded."}}'

    def behave(exchange: Exchange) -> None:
        if orjson.loads(exchange.body)["stream"]:
            exchange.start_stream()
            exchange.chunk(CHUNK)
            exchange.chunk(b"data: " + overflow + b"\n\n")
            exchange.end_stream()
        else:
            exchange.answer(overflow, "500 Internal Server Error")

    with fault_upstream(behave, MODELS) as upstream, gateway_before(upstream.url, folder) as front:
        for stream in (True, False):
            body: dict[str, Any] = {"model": "other", "stream": stream, "messages": []}
            assert b'"code":"context_length_exceeded"' in front.client.post(CHAT, json=body).content
        assert [row["outcome"] for row in rows(front)] == ["context_length_exceeded"] * 2
        headers = {"x-api-key": front.new_key("prometheus", "--scope", "admin")}
        page = httpx.get(front.service.url + "/metrics", headers=headers).text
        labels = f'outcome="context_length_exceeded",route="{CHAT}"'
        assert f"lectern_requests_total{{{labels}}} 2.0" in page
    assert front.service.log.count('"outcome":"context_length_exceeded"') == 2
    assert "upstream_error" not in page + front.service.log


def test_kill_9_loses_no_row_of_a_request_whose_end_was_seen(folder: Path) -> None:
    with fault_upstream(stream_with_usage, MODELS) as upstream:
        with gateway_before(upstream.url, folder, {"GATEWAY_SLOTS": "64"}) as front:
            seen = ended_before_kill(front, 300)
            written = {row["request_id"] for row in rows(front)}
    assert seen <= written


def test_a_ledger_that_is_away_is_503_not_401(folder: Path) -> None:
    with fault_upstream(stream_with_usage, MODELS) as upstream:
        with gateway_before(upstream.url, folder) as front:
            body = {"model": "other", "stream": True, "messages": []}
            assert front.client.post(CHAT, json=body).status_code == 200
            with sqlite3.connect(front.data / "lectern.db") as connection:
                connection.execute("alter table requests rename to gone")
            assert front.client.post(CHAT, json=body).content == CHUNK + DONE  # kept in memory
            refused = front.client.post(CHAT, json=body)
            assert refused.status_code == 503
            assert refused.json()["error"]["code"] == "ledger_unavailable"
            with sqlite3.connect(front.data / "lectern.db") as connection:
                connection.execute("alter table gone rename to requests")
            wait_until(lambda: len(rows(front)) == 3, "the kept rows to be written")
            wait_until(
                lambda: front.client.post(CHAT, json=body).status_code == 200, "business as usual"
            )
