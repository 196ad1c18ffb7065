"""Usage for its own key, on the command line, and counters for Prometheus."""

from __future__ import annotations

import csv
import io
import json
import re
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.documents import page
from tests.fault_upstream import Exchange, fault_upstream
from tests.gateway.conftest import Front, gateway_before, lectern
from tests.running import ROOT, running, wait_until

CHAT = "/v1/chat/completions"
ANSWER = b'{"choices": [], "usage": {"prompt_tokens": 11, "completion_tokens": 4}}'


@pytest.fixture(scope="module")
def front(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Front]:
    def behave(exchange: Exchange) -> None:
        exchange.answer(ANSWER)

    with fault_upstream(behave) as upstream:
        with gateway_before(upstream.url, tmp_path_factory.mktemp("usage")) as front:
            for _ in range(2):
                front.client.post("/v1/chat/completions", json={"model": "m", "messages": []})
            yield front


def test_a_key_sees_its_own_usage(front: Front) -> None:
    (row,) = front.client.get("/lectern/usage").json()["data"]
    assert (row["model"], row["requests"], row["total_tokens"]) == ("m", 2, 30)
    other = front.new_key("other")
    headers = {"Authorization": f"Bearer {other}"}
    assert httpx.get(front.service.url + "/lectern/usage", headers=headers).json()["data"] == []
    assert httpx.get(front.service.url + "/lectern/usage").status_code == 401


def test_a_key_sees_what_it_may_do_and_nothing_of_others(front: Front) -> None:
    make = ["keys", "create", "--name", "narrow", "--scope", "chat", "--model", "*q8_0"]
    make += ["--rpm", "3", "--tpm", "2000"]
    narrow = {"x-api-key": front.lectern(*make).stdout.strip()}
    answer = httpx.get(front.service.url + "/lectern/key", headers=narrow)
    assert answer.json() == {
        "name": "narrow",
        "scopes": ["chat"],
        "models": ["*q8_0"],
        "rpm": 3,
        "tpm": 2000,
        "concurrency": None,
        "daily_tokens": None,
        "expires_at": None,
    }
    assert answer.headers["cache-control"] == "no-store"
    assert httpx.get(front.service.url + "/lectern/key").status_code == 401


def test_an_unknown_grouping_is_named(front: Front) -> None:
    answer = front.client.get("/lectern/usage", params={"by": "colour"})
    assert answer.status_code == 400
    assert "by" in answer.json()["error"]["message"]


def test_the_command_line_adds_up(front: Front) -> None:
    (row,) = json.loads(front.lectern("usage", "--json").stdout)
    assert (row["key"], row["prompt_tokens"], row["completion_tokens"]) == ("tests", 22, 8)
    (line,) = csv.DictReader(io.StringIO(front.lectern("usage", "--by", "day", "--csv").stdout))
    assert line["requests"] == "2"
    assert "tests" in front.lectern("usage").stdout


def test_a_models_name_is_no_markup(tmp_path: Path) -> None:
    """A caller names it; the operator's terminal shows it as it is."""
    with gateway_before("http://127.0.0.1:9", tmp_path) as front:
        for model in ("[/odd]", "[link=http://x]y[/link]"):
            front.client.post(CHAT, json={"model": model, "messages": []})
        shown = front.lectern("usage", "--by", "model")
    assert shown.returncode == 0, shown.stderr
    assert "[/odd]" in shown.stdout
    assert "[link=http" in shown.stdout


def test_no_requests_are_no_rows(tmp_path: Path) -> None:
    assert json.loads(lectern(tmp_path, "usage", "--json").stdout) == []


def test_metrics_need_the_scope(front: Front) -> None:
    assert httpx.get(front.service.url + "/metrics").status_code == 401
    assert front.client.get("/metrics").status_code == 403


def test_metrics_count_what_happened(front: Front) -> None:
    made = front.new_key("prometheus", "--scope", "admin")
    headers = {"Authorization": f"Bearer {made}"}
    text = httpx.get(front.service.url + "/metrics", headers=headers).text
    route = 'outcome="ok",route="/v1/chat/completions"'
    assert f"lectern_requests_total{{{route}}} 2.0" in text
    assert "lectern_overhead_seconds_count 2.0" in text


def test_the_documentation_names_every_metric_with_its_kind_and_labels(front: Front) -> None:
    documented: dict[str, tuple[str, set[str]]] = {}
    for names, kind, _ in page(ROOT / "docs" / "operating.md").section("Metrics").rows():
        labels = set(re.findall(r"`(\w+)`", re.sub(r"\(.*?\)", "", kind)))
        word = kind.partition(":")[0].split(",")[0]
        documented |= dict.fromkeys(re.findall(r"`(\w+)`", names), (word, labels))
    made = front.new_key("reader", "--scope", "admin")
    text = httpx.get(front.service.url + "/metrics", headers={"x-api-key": made}).text
    found = {
        family.name: (family.type, {name for each in family.samples for name in each.labels})
        for family in text_string_to_metric_families(text)
    }
    assert {name: (kind, labels - {"le"}) for name, (kind, labels) in found.items()} == documented


def test_tokens_are_the_histogram_of_opentelemetrys_conventions(front: Front) -> None:
    """Two requests, each with 11 tokens read and 4 written."""
    made = front.new_key("otel", "--scope", "admin")
    text = httpx.get(front.service.url + "/metrics", headers={"x-api-key": made}).text
    (usage,) = (
        family
        for family in text_string_to_metric_families(text)
        if family.name == "gen_ai_client_token_usage"
    )
    assert usage.type == "histogram"
    found: dict[str, dict[str, float]] = {"input": {}, "output": {}}
    for sample in usage.samples:
        assert sample.labels["gen_ai_request_model"] == "m"
        name = sample.labels.get("le", sample.name.rpartition("_")[2])
        found[sample.labels["gen_ai_token_type"]][name] = sample.value
    bounds = [str(4**power) for power in range(14)]
    assert list(found["input"]) == list(found["output"]) == [*bounds, "+Inf", "count", "sum"]
    assert [found["output"][each] for each in ("1", "4", "count", "sum")] == [0, 2, 2, 8]
    assert [found["input"][each] for each in ("4", "16", "count", "sum")] == [0, 2, 2, 22]


def test_a_restart_neither_refills_the_day_nor_keeps_old_rows(tmp_path: Path) -> None:
    def behave(exchange: Exchange) -> None:
        exchange.answer(ANSWER)

    body = {"model": "m", "messages": [], "max_tokens": 5}
    with fault_upstream(behave) as upstream:
        with gateway_before(upstream.url, tmp_path) as front:
            made = front.new_key("eve", "--daily-tokens", "30")
            key = {"Authorization": f"Bearer {made}"}
            assert front.client.post(CHAT, json=body, headers=key).status_code == 200
        with sqlite3.connect(tmp_path / "data" / "lectern.db") as database:
            columns = "request_id, began_at, owner, key_name, route, model, upstream, outcome, "
            columns += "status, prompt_tokens, completion_tokens, estimated, queue_ms, duration_ms"
            old = columns.replace("began_at", "'2020-01-01 00:00:00.000000'")
            database.execute(f"insert into requests ({columns}) select {old} from requests")  # noqa: S608
        settings = {"LMSTUDIO_URL": upstream.url, "GATEWAY_DATA_DIR": str(tmp_path / "data")}
        with running("gateway", tmp_path, settings) as again:
            with httpx.Client(base_url=again.url, headers=key) as client:
                refused = client.post(CHAT, json=body | {"max_tokens": 20})
                assert refused.json()["error"]["code"] == "insufficient_quota"

            def years() -> set[str]:
                with sqlite3.connect(tmp_path / "data" / "lectern.db") as database:
                    return {row[0][:4] for row in database.execute("select began_at from requests")}

            wait_until(lambda: "2020" not in years(), "old rows to go")
