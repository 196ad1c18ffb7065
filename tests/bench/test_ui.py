"""The UI benchmark's parts without a browser: its text, its schedule, its numbers, its table."""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bench.ui_answer import answer, markers
from bench.ui_measures import lags, quantile
from bench.ui_services import Upstream
from bench.ui_table import render
from bench.ui_upstream import wishes
from tests.running import ROOT, answers, free_port, wait_until


def test_an_answer_is_markdown_with_markers_at_both_ends() -> None:
    words = answer(7, 2000)
    text = "".join(words)
    assert len(words) == 2000
    assert (words[0].strip(), words[-1]) == ("k7n0", "k7n1999")
    for construct in ("\n## ", "\n- ", "\n1. ", "\n```python\n", "\n|---|", "**"):
        assert construct in text
    found = markers(7, words)
    assert len(found) > 400
    assert all(marker == f"k7n{index}" for index, marker in found.items())
    assert answer(7, 2000) == words


def test_a_question_says_what_it_wants() -> None:
    assert wishes("tokens=2000 rate=200 first_s=6") == (2000, 200.0, 6.0)
    assert wishes("anything") == (20, 50.0, 0.3)


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    server = Upstream(free_port())
    command = [sys.executable, str(Path("bench") / "ui_upstream.py"), str(server.port)]
    with subprocess.Popen(command, cwd=ROOT) as process:
        try:
            wait_until(lambda: answers(f"{server.url}/v1/models"), "the paced model server")
            yield server
        finally:
            process.terminate()


def asked(upstream: Upstream, question: str) -> urllib.request.Request:
    body = {"stream": True, "messages": [{"role": "user", "content": question}]}
    url = f"{upstream.url}/v1/chat/completions"
    return urllib.request.Request(url, json.dumps(body).encode())  # noqa: S310 (loopback only)


def test_the_model_server_sends_every_token_and_never_early(upstream: Upstream) -> None:
    with urllib.request.urlopen(asked(upstream, "tokens=30 rate=200 first_s=0.1")) as response:  # noqa: S310
        events = response.read().decode().split("\n\n")
    chunks = [json.loads(event[6:]) for event in events if event.startswith("data: {")]
    deltas = [choice["delta"] for chunk in chunks for choice in chunk["choices"]]
    assert [delta["content"] for delta in deltas if delta] == answer(0, 30)
    told = wait_until(lambda: (row := upstream.told())["whole"] and row, "the answer's end")
    assert told["closed"] is None
    assert len(told["sent"]) == 30
    early = [at < told["asked"] + 0.1 + index / 200 for index, at in enumerate(told["sent"])]
    assert not any(early)


def test_the_model_server_notices_that_it_was_let_go(upstream: Upstream) -> None:
    with urllib.request.urlopen(asked(upstream, "tokens=30 rate=50 first_s=600")):  # noqa: S310
        assert upstream.told()["closed"] is None
    told = wait_until(lambda: (row := upstream.told())["closed"] and row, "the caller to leave")
    assert told["sent"] == []
    assert not told["whole"]


def told(tokens: int) -> dict[str, Any]:
    return {"turn": 2, "tokens": tokens, "sent": [index / 50 for index in range(tokens)]}


def test_a_lag_is_from_sent_to_visible() -> None:
    row = told(100)
    late = {0: 0.005, 99: 0.040}
    seen = {
        marker: row["sent"][index] + late.get(index, 0.010)
        for index, marker in markers(2, answer(2, 100)).items()
    }
    found = lags(row, seen)
    assert [(index, round(ms)) for index, ms in (found[0], found[-1])] == [(0, 5), (99, 40)]
    assert {round(ms) for _, ms in found[1:-1]} == {10}
    del seen["k2n0"]
    with pytest.raises(SystemExit, match="k2n0"):  # A page that lost a token is not measured.
        lags(row, seen)


def test_a_quantile_is_a_value_that_was_measured() -> None:
    values = [float(value) for value in range(1, 101)]
    assert quantile(values, 0.99) == 99
    assert quantile([*values, 500.0], 0.99) == 100
    assert quantile([3.0], 0.99) == 3


def results() -> dict[str, dict[str, list[float]]]:
    streamlit = {
        "first": [29.0, 20.0, 90.0],
        "200/500/busy_s": [1.0],
        "200/2000/busy_s": [6.0],
        "200/2000/p50": [30.0],
        "200/2000/p99": [81.0],
        "200/2000/down_kb": [480.0],
    }
    gradio = streamlit | {"first": [46.0], "200/2000/busy_s": [4.0], "200/2000/down_kb": [401.0]}
    return {"Streamlit": streamlit, "Gradio": gradio}


def cells(text: str, title: str) -> list[str]:
    line = next(line for line in text.splitlines() if line.startswith(f"| {title}"))
    return [cell.strip() for cell in line.strip("|").split("|")[1:]]


def test_what_misses_its_mark_says_so() -> None:
    text = render(results(), "a machine", "a command", 3)
    assert cells(text, "Enter to first") == ["30 / 45", "29", "46 **missed**"]
    lag = cells(text, "2,000 tokens at 200/s: lag p50 / p99")
    assert lag == ["80 / 60", "30 / 81 **missed**", "30 / 81 **missed**"]
    assert cells(text, "2,000 tokens at 200/s: KB") == ["500 / 400", "480", "401 **missed**"]
    assert "Streamlit: 4 times the tokens at 200/s took 6.0 times" in text
    assert "time **missed**." in text.split("Streamlit: 4")[1].splitlines()[0]
    assert "missed" not in text.split("Gradio: 4")[1]
    assert "Stop to" not in text  # What was not run has no line.


def test_help_is_there() -> None:
    command = [sys.executable, str(Path("bench") / "ui.py"), "--help"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert "--quick" in done.stdout
