"""The benchmark's table: medians of ratios inside a repetition, a dash for what is missing."""

from __future__ import annotations

from bench.table import Results, in_turns, render


def results() -> Results:
    own: dict[tuple[str, str, str], list[float]] = {}
    for who, factor in (("direct", 0.5), ("nginx", 1.0), ("Lectern", 5.0)):
        own[who, "latency", "p50_ms"] = [factor] * 3
        own[who, "latency", "p99_ms"] = [factor * 2] * 3
    own["nginx", "requests", "request_us"] = [10.0, 20.0, 40.0]
    own["Lectern", "requests", "request_us"] = [50.0, 220.0, 160.0]
    own["nginx", "streams 64", "held"] = [1.0, 1.0, 1.0]
    own["Lectern", "streams 64", "held"] = [1.0, 0.0, 0.0]
    own["Lectern", "start", "ready_s"] = [0.5, 0.7, 0.6]
    own["Lectern", "requests", "bad"] = [0.0, 3.0, 0.0]
    return {"Lectern": own}


def cells(text: str, title: str) -> list[str]:
    line = next(line for line in text.splitlines() if line.startswith(f"| {title}"))
    return [cell.strip() for cell in line.strip("|").split("|")[1:]]


def test_a_ratio_is_taken_inside_a_repetition() -> None:
    text = render(results(), "a machine", "a command", 3)
    assert cells(text, "CPU µs per request") == ["20.0", "160.0 (x5.00)"]
    assert cells(text, "added latency p50") == ["0.50", "4.50"]
    assert cells(text, "seconds to ready") == ["", "0.60"]


def test_what_was_not_held_or_not_right_is_said() -> None:
    text = render(results(), "a machine", "a command", 3)
    assert cells(text, "streams held") == ["64", "below 64"]
    assert cells(text, "answers that were not") == ["0", "3"]
    assert cells(text, "CPU µs per chunk, 64") == ["-", "- (x-)"]
    assert "`a command`" in text


def test_contenders_in_turns_are_compared_inside_a_turn() -> None:
    text = in_turns({"Lectern": [100.0, 200.0, 400.0], "LiteLLM": [8000.0, 15000.0, 20000.0]})
    assert "3 times: Lectern 200.0 µs" in text
    assert "LiteLLM 15000.0 µs, 75.0 times as much (from 50.0 to 80.0)" in text
