"""What is measured of a chat page, one function a subject.

Owns the steps in the browser and turning two clocks' notes into numbers. Milliseconds unless a name
says otherwise; `visible` means in the page's document, paint adds up to one frame.
"""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Callable
from typing import Any

from bench.machine import cpu_ns, rss_mb
from bench.ui_answer import answer, markers
from bench.ui_browser import View

Numbers = dict[str, float]
SETTLE_S = 0.5
AFTER_S = 1.0  # what a page still does when an answer has ended belongs to the answer
FIRST_MARKER = "k{turn}n0"


def quantile(values: list[float], share: float) -> float:
    """The smallest value that at least this share of them does not exceed."""
    return sorted(values)[math.ceil(len(values) * share) - 1]


def lags(told: dict[str, Any], seen: dict[str, float]) -> list[tuple[int, float]]:
    """For each marker in order: the index of its token, milliseconds from sent to visible."""
    expected = markers(told["turn"], answer(told["turn"], told["tokens"]))
    lost = [marker for marker in expected.values() if marker not in seen]
    if lost:
        raise SystemExit(
            f"the page never showed {len(lost)} of {len(expected)} markers: {lost[:3]}"
        )
    sent = told["sent"]
    return [(at, (seen[marker] - sent[at]) * 1000) for at, marker in expected.items()]


def first_characters(view: View, turns: int) -> Numbers:
    """Enter to the first character, less the time that the model server itself took."""
    whole, there, back = [], [], []
    for _ in range(turns):
        entered, told = _ask_to_the_end(view, "tokens=20 rate=50 first_s=0.3")
        shown = view.seen()[FIRST_MARKER.format(**told)]
        whole.append((shown - entered - (told["sent"][0] - told["asked"])) * 1000)
        there.append((told["asked"] - entered) * 1000)
        back.append((shown - told["sent"][0]) * 1000)
    medians = map(statistics.median, (whole, there, back))
    return dict(zip(("first", "first_there", "first_back"), medians, strict=True)) | {
        "first_min": min(whole),
        "first_max": max(whole),
    }


def streaming(view: View, tokens: int, rate: int) -> Numbers:
    """One answer: how late its tokens are, early and late in it, and what it costs."""
    name = f"{rate}/{tokens}/"
    pid = view.running.process.pid if view.running.process else 0
    cpu, busy, down, updates = cpu_ns(pid or 1), view.busy_s(), view.bytes_down, view.updates()
    _, told = _ask_to_the_end(view, f"tokens={tokens} rate={rate} first_s=0.3")
    updates = view.updates() - updates
    view.idle(AFTER_S)
    late = lags(told, view.seen())
    quarter = max(1, len(late) // 4)
    values = [ms for _, ms in late]
    numbers = {
        "p50": statistics.median(values),
        "p99": quantile(values, 0.99),
        "worst": max(values),
        "p50_early": statistics.median(values[:quarter]),
        "p50_late": statistics.median(values[-quarter:]),
        "busy_s": view.busy_s() - busy,
        "down_kb": (view.bytes_down - down) / 1000,
        "updates_per_s": updates / (tokens / rate),
    }
    if pid:
        numbers["cpu_s"] = (cpu_ns(pid) - cpu) / 1e9
    return {name + key: value for key, value in numbers.items()}


def stopping(view: View, times: int) -> Numbers:
    """From the click on Stop to the model server's connection closed."""
    streamed = []
    for _ in range(times):
        _begin(view, "tokens=2000 rate=50 first_s=0.3", lambda told: len(told["sent"]) >= 40)
        streamed.append(_stop(view))
    _begin(view, "tokens=20 rate=50 first_s=20", lambda _: True)
    view.idle(1.0)
    before_first = _stop(view)
    return {"stop": statistics.median(streamed), "stop_max": max(streamed), "stop_0": before_first}


def reloading(view: View, tokens: int = 400, rate: int = 50) -> Numbers:
    """A reload in mid-answer: seconds until its text is back, and whether the answer completes."""
    told = _begin(
        view, f"tokens={tokens} rate={rate} first_s=0.3", lambda told: len(told["sent"]) >= 150
    )
    began = view.reload()
    first = FIRST_MARKER.format(**told)
    view.wait_for_marker(first, 20)
    back_s = view.seen()[first] - began
    view.wait_for_marker(f"k{told['turn']}n{tokens - 1}", tokens / rate + 20)
    told = view.running.upstream.told()
    return {"reload_s": back_s, "reload_whole": float(told["whole"])}


def two_at_once(view: View, other: View, tokens: int, rate: int) -> Numbers:
    """Two browsers with an answer each at the same time."""
    question = f"tokens={tokens} rate={rate} first_s=0.3"
    turn = view.running.upstream.told()["turn"]
    for each in (view, other):
        each.ask(question)
    deadline = time.monotonic() + tokens / rate + 60
    while time.monotonic() < deadline:
        view.idle(SETTLE_S)
        rows = view.running.upstream.all_told()[turn + 1 :]
        if len(rows) == 2 and all(row["whole"] for row in rows):
            break
    view.idle(AFTER_S)
    seen = [view.seen(), other.seen()]
    values: list[float] = []
    for row in rows:
        page = next(each for each in seen if FIRST_MARKER.format(**row) in each)
        values += [ms for _, ms in lags(row, page)]
    return {"two_p50": statistics.median(values), "two_p99": quantile(values, 0.99)}


def leaving(view: View, patience_s: float) -> Numbers:
    """A closed tab: seconds until the model server is let go."""
    _begin(view, "tokens=5000 rate=50 first_s=0.3", lambda told: len(told["sent"]) >= 40)
    view.idle(1.5)  # so that the gateway has the chat, as in use
    began = time.monotonic()
    view.page.goto("about:blank")
    return {"tab_s": _closed(view, patience_s) - began}


def ending(view: View) -> Numbers:
    """SIGTERM to the UI in mid-answer: milliseconds until the model server is let go."""
    _begin(view, "tokens=5000 rate=50 first_s=0.3", lambda told: len(told["sent"]) >= 40)
    began = view.running.terminate()
    return {"term": (_closed(view, 10) - began) * 1000}


def memory(view: View) -> Numbers:
    """Resident memory of the UI's process in MB."""
    assert view.running.process is not None
    return {"rss": rss_mb(view.running.process.pid)}


def _begin(view: View, question: str, enough: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    """Asks and waits until the model server has been asked and has sent enough."""
    turn = view.running.upstream.told()["turn"]
    view.ask(question)
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        told = view.running.upstream.told()
        if told["turn"] > turn and enough(told):
            return told
        view.idle(0.02)
    raise SystemExit(f"{view.running.ui.name} did not ask for: {question}")


def _ask_to_the_end(view: View, question: str) -> tuple[float, dict[str, Any]]:
    """The moment of Enter and what the model server notes of the whole answer."""
    turn = view.running.upstream.told()["turn"]
    entered = view.ask(question)
    deadline = time.monotonic() + 20
    while (told := view.running.upstream.told())["turn"] <= turn or not told["tokens"]:
        if time.monotonic() > deadline:
            raise SystemExit(f"{view.running.ui.name} did not ask for: {question}")
        view.idle(0.05)
    view.wait_for_marker(f"k{told['turn']}n{told['tokens'] - 1}", 600)
    view.idle(SETTLE_S)
    return entered, view.running.upstream.told()


def _stop(view: View) -> float:
    clicked = view.stop()
    took_ms = (_closed(view, 10) - clicked) * 1000
    if view.running.process:
        view.page.locator(view.running.ui.stop).wait_for(state="detached")
    view.idle(1.2)  # the page tidies up before the next question
    return took_ms


def _closed(view: View, patience_s: float) -> float:
    """The moment at which the model server's connection was closed."""
    deadline = time.monotonic() + patience_s
    while time.monotonic() < deadline:
        told = view.running.upstream.told()
        if told["closed"] is not None:
            return float(told["closed"])
        view.idle(0.02)
    return float("inf")
