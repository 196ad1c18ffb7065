"""Several model servers behind one gateway: who is asked, who stands in, what is told of it."""

from __future__ import annotations

import threading
from contextlib import ExitStack
from pathlib import Path

import httpx
import openai
import orjson
import pytest

from gateway.settings import SettingsError, load_settings
from tests.event_lines import event_lines
from tests.fault_upstream import Exchange, FaultUpstream, fault_upstream
from tests.gateway.conftest import gateway_before
from tests.gateway.model_servers import (
    CHAT,
    CHUNK,
    ask,
    dies,
    in_front_of,
    listing,
    manager,
    metrics,
    two_servers,
    usage,
    well,
)
from tests.running import free_port, wait_until

TOKENS = {"UPSTREAM_TOKENS": "desk=desk-token,gpu=gpu-token"}
ANSWER = {"id": "x", "choices": [{"message": {"content": "hello"}}]}


def test_a_model_is_asked_of_the_server_that_has_it(folder: Path) -> None:
    servers = {"desk": (well, listing("small")), "gpu": (well, listing("large"))}
    with two_servers(folder, **servers) as (front, desk, gpu):  # type: ignore[arg-type]
        for _ in range(3):
            assert ask(front, "large").json() == ANSWER
        assert (len(desk.seen), len(gpu.seen)) == (0, 3)
        listed = front.client.get("/v1/models").json()["data"]
        assert [entry["id"] for entry in listed] == ["large", "small"] or [
            entry["id"] for entry in listed
        ] == ["small", "large"]
        unknown = ask(front, "medium")
        assert unknown.status_code == 404
        assert "large, small" in unknown.json()["error"]["message"]


def test_each_server_gets_its_own_token_and_never_the_callers_key(folder: Path) -> None:
    servers = {"desk": (well, listing("small")), "gpu": (well, listing("large"))}
    with two_servers(folder, **servers, **TOKENS) as (front, desk, gpu):  # type: ignore[arg-type]
        ask(front, "small")
        ask(front, "large")
        assert desk.seen[0].headers["authorization"] == "Bearer desk-token"
        assert gpu.seen[0].headers["authorization"] == "Bearer gpu-token"


@pytest.mark.parametrize("how", ["dies", "refuses", "503"])
def test_who_cannot_answer_is_stood_in_for(folder: Path, how: str) -> None:
    def unable(exchange: Exchange) -> None:
        exchange.answer(b'{"error":"loading"}', "503 Service Unavailable")

    with ExitStack() as exits:
        broken = exits.enter_context(fault_upstream(unable if how == "503" else dies))
        url = f"http://127.0.0.1:{free_port()}" if how == "refuses" else broken.url
        sound = exits.enter_context(fault_upstream(well, listing("m")))
        env = {"UPSTREAMS": f"broken={url},sound={sound.url}"}
        front = exits.enter_context(gateway_before("http://127.0.0.1:9", folder, env))
        answers = [ask(front, "", f"question {number}") for number in range(6)]
        assert [answer.status_code for answer in answers] == [200] * 6
        assert len(sound.seen) == 6
        assert "'broken' does not answer any more" in front.service.log
        page = metrics(front)
        assert 'lectern_upstream_answers_total{upstream="sound"} 6.0' in page
        assert 'lectern_upstream_up{upstream="sound"} 1.0' in page
        assert 'lectern_upstream_failures_total{upstream="sound"} 0.0' in page
        assert 'lectern_upstream_failures_total{upstream="broken"} 0.0' not in page


def test_nobody_stands_in_after_the_first_byte(folder: Path) -> None:
    def breaks_off(exchange: Exchange) -> None:
        exchange.start_stream()
        exchange.chunk(CHUNK)
        exchange.die()

    with two_servers(folder, (breaks_off, listing("m")), (breaks_off, listing("m"))) as (
        front,
        desk,
        gpu,
    ):
        client = openai.OpenAI(base_url=front.service.url + "/v1", api_key=front.key, max_retries=0)
        with client, client.chat.completions.create(model="m", messages=[], stream=True) as stream:
            with pytest.raises(openai.APIError, match="broke off"):
                list(stream)
        assert len(desk.seen) + len(gpu.seen) == 1


def test_a_silent_server_may_still_be_working_so_nobody_else_is_asked(folder: Path) -> None:
    def silent(exchange: Exchange) -> None:
        exchange.wait_until_caller_left()

    env = {"GATEWAY_ANSWER_TIMEOUT_S": "2"}
    both = (silent, listing("m"))
    with two_servers(folder, both, both, **env) as (front, desk, gpu):
        assert ask(front).status_code == 504
        assert len(desk.seen) + len(gpu.seen) == 1


def test_what_changes_a_server_is_never_tried_twice(folder: Path) -> None:
    both = (dies, listing("m"))
    with two_servers(folder, both, both) as (front, desk, gpu):
        headers = manager(front)
        url = front.service.url + "/api/v1/models/load"
        assert httpx.post(url, json={"model": "m"}, headers=headers).status_code == 502
        assert len(desk.seen) + len(gpu.seen) == 1


def test_load_is_spread_and_a_conversation_stays(folder: Path) -> None:
    go_on = threading.Event()

    def waits(exchange: Exchange) -> None:
        go_on.wait(60)
        well(exchange)

    both = (waits, listing("m"))
    with two_servers(folder, both, both) as (front, desk, gpu):
        questions = [threading.Thread(target=ask, args=(front, "m", f"{n}?")) for n in range(4)]
        for question in questions:
            question.start()
        wait_until(lambda: (len(desk.seen), len(gpu.seen)) == (2, 2), "two requests on each")
        go_on.set()
        for question in questions:
            question.join()
        first = {n: server for server in (desk, gpu) for n in range(4) if _asked(server, n)}
        for n, server in first.items():
            grown = [
                {"role": "user", "content": f"{n}?"},
                {"role": "assistant", "content": "hello"},
                {"role": "user", "content": "Go on."},
            ]
            front.client.post(CHAT, json={"model": "m", "messages": grown})
            assert server.seen[-1].body == orjson.dumps({"model": "m", "messages": grown})


def _asked(server: FaultUpstream, number: int) -> bool:
    return any(b'"%d?"' % number in exchange.body for exchange in server.seen)


def test_a_server_that_went_away_is_named_and_taken_back(folder: Path) -> None:
    away = threading.Event()

    def now_and_then(exchange: Exchange) -> None:
        exchange.die() if away.is_set() else well(exchange)

    servers = {"desk": (well, listing("small")), "gpu": (now_and_then, listing("large"))}
    with two_servers(folder, **servers) as (front, _, _gpu):  # type: ignore[arg-type]
        assert ask(front, "large").status_code == 200
        away.set()
        answers = [ask(front, "large") for _ in range(4)]
        assert [answer.status_code for answer in answers] == [502, 502, 502, 503]
        error = answers[-1].json()["error"]
        assert error["code"] == "no_model_server"
        assert "'gpu'" in error["message"]
        assert answers[-1].headers["retry-after"] == "5"
        assert ask(front, "small").status_code == 200
        assert [e["id"] for e in front.client.get("/v1/models").json()["data"]] == ["small"]
        away.clear()
        wait_until(lambda: ask(front, "large").status_code == 200, "the server to be taken back")


def test_the_native_list_has_the_models_of_all_servers(folder: Path) -> None:
    def native(*models: str) -> bytes:
        return orjson.dumps({"data": [], "models": [{"key": name} for name in models]})

    both = (well, native("small", "both")), (well, native("large", "both"))
    with two_servers(folder, *both) as (front, _, _gpu):
        models = front.client.get("/api/v1/models").json()["models"]
        assert sorted(model["key"] for model in models) == ["both", "large", "small"]


def test_models_are_unloaded_where_they_are(folder: Path) -> None:
    loaded = {"key": "large", "loaded_instances": [{"id": "large:2", "config": {"parallel": 2}}]}
    gpu = orjson.dumps({"data": [], "models": [loaded]})
    with two_servers(folder, (well, listing("m")), (well, gpu)) as (front, desk, server):
        headers = manager(front)
        ask(front, "large")  # the lists are known now
        url = front.service.url + "/api/v1/models/unload"
        httpx.post(url, json={"instance_id": "large:2"}, headers=headers)
        assert [exchange.target for exchange in server.seen] == [CHAT, "/api/v1/models/unload"]
        assert desk.seen == []


def test_the_ledger_and_the_log_name_the_server(folder: Path) -> None:
    servers = {"desk": (well, listing("small")), "gpu": (well, listing("large"))}
    with in_front_of(servers, folder) as (front, _):
        ask(front, "large")
        assert usage(front)[0]["requests"] == 1
        wait_until(lambda: '"upstream":"gpu"' in front.service.log, "the line of the request")


def test_an_alias_can_change_while_a_stream_runs(folder: Path) -> None:
    go_on = threading.Event()

    def behave(exchange: Exchange) -> None:
        if b'"stream":true' not in exchange.body:
            well(exchange)
            return
        exchange.start_stream()
        exchange.chunk(CHUNK)
        go_on.wait(60)
        exchange.chunk(b"data: [DONE]\n\n")
        exchange.end_stream()

    with (
        fault_upstream(behave, listing("m")) as server,
        gateway_before(server.url, folder) as front,
    ):
        assert ask(front, "gpt-4o-mini").status_code == 404
        body = {"model": "m", "stream": True, "messages": []}
        with front.client.stream("POST", CHAT, json=body) as stream:
            lines = event_lines(stream)
            assert next(lines).startswith("data:")
            assert front.lectern("aliases", "gpt-4o-mini=m").stdout == "gpt-4o-mini=m\n"
            wait_until(lambda: ask(front, "gpt-4o-mini").status_code == 200, "the alias to work")
            go_on.set()
            assert "data: [DONE]" in list(lines)
        assert front.lectern("aliases", "gpt-4o-mini=").stdout == ""
        wait_until(lambda: ask(front, "gpt-4o-mini").status_code == 404, "the alias to be gone")


def test_a_file_of_aliases_that_cannot_be_read_changes_nothing(folder: Path) -> None:
    with fault_upstream(well, listing("m")) as server, gateway_before(server.url, folder) as front:
        front.lectern("aliases", "four=m")
        wait_until(lambda: ask(front, "four").status_code == 200, "the alias to work")
        (front.data / "aliases").write_text("nonsense\n")
        wait_until(lambda: "nonsense" in front.service.log, "the log to say so")
        assert ask(front, "four").status_code == 200


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("UPSTREAMS", "http://10.0.0.5:1234", "must look like desk=http"),
        ("UPSTREAMS", "desk=10.0.0.5", "of 'desk', it must be a URL"),
        ("UPSTREAMS", "a=http://b,a=http://c", "twice"),
        ("UPSTREAMS", "a=http://b/,b=http://b", "one address"),
        ("UPSTREAMS", "a=http://me:sk-secret@b", "use LMSTUDIO_API_TOKEN or UPSTREAM_TOKENS"),
        ("UPSTREAM_SLOTS", "gpu=64", "no server named 'gpu'"),
        ("UPSTREAM_SLOTS", "gpu=many", "from 1 to 1024"),
        ("UPSTREAM_TOKENS", "gpu=sk-secret", "no server named 'gpu'"),
        ("UPSTREAM_TOKENS", "sk-secret", "must look like gpu="),
    ],
)
def test_a_bad_list_of_servers_is_refused_in_a_sentence(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, reason: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError, match=reason) as refused:
        load_settings()
    assert name in str(refused.value)
    assert "sk-secret" not in str(refused.value)
