"""The Markdown table of a run.

Owns medians, ratios and words; it measures nothing. A ratio is taken inside a repetition (contender
by the nginx that ran right before it), and the median over the ratios is shown.
"""

from __future__ import annotations

import math

from bench.phases import median

# contender → (who, phase, number) → one value a repetition
Results = dict[str, dict[tuple[str, str, str], list[float]]]


def render(results: Results, machine: str, command: str, repetitions: int) -> str:
    """Everything that a reader needs to judge or repeat the run."""
    names = list(results)
    lines = [
        f"Machine: {machine}. Medians of {repetitions}; xn is the ratio to nginx run right before.",
        "",
        f"Command: `{command}`",
        "",
        "| | " + " | ".join(["nginx", *names]) + " |",
        "|---|" + "---|" * (len(names) + 1),
    ]
    for title, cells in rows(results):
        lines.append(f"| {title} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def in_turns(values: dict[str, list[float]]) -> str:
    """CPU µs per request of contenders in turns; ratios are taken inside a turn, to the first."""
    (first, base), *others = values.items()
    lines = ["", f"Requests in turns, {len(base)} times: {first} {median(base):.1f} µs"]
    for name, its in others:
        ratios = sorted(a / b for a, b in zip(its, base, strict=True))
        lines.append(
            f"- {name} {median(its):.1f} µs, {median(ratios):.1f} times as much "
            f"(from {ratios[0]:.1f} to {ratios[-1]:.1f})"
        )
    return "\n".join(lines)


def rows(results: Results) -> list[tuple[str, list[str]]]:
    """Title and cells, nginx first."""
    numbers = sorted({int(p.split()[1]) for own in results.values() for _, p, _ in own if " " in p})
    found = [paired(results, "CPU µs per request", "requests", "request_us")]
    found += [
        paired(results, f"CPU µs per chunk, {n} streams", f"streams {n}", "chunk_us")
        for n in numbers
    ]
    found += [added(results, "p50_ms"), added(results, "p99_ms")]
    found += [
        plain(results, f"chunk delay p50 / p99 ms, {n} streams", f"streams {n}", "delay")
        for n in numbers
    ]
    found.append(("streams held at 100 chunks/s", both(results, numbers, held)))
    if 1000 in numbers:
        found.append(("memory at 1,000 streams, MB", both(results, numbers, memory)))
    found.append(("memory idle, MB", ["", *own(results, "idle_mb", "{:.1f}")]))
    found.append(("seconds to ready", ["", *own(results, "ready_s", "{:.2f}")]))
    found.append(("requests per second, 64 connections", per_second(results)))
    found.append(("answers that were not byte for byte right", wrong(results)))
    return found


def paired(results: Results, title: str, phase: str, number: str) -> tuple[str, list[str]]:
    """nginx's value beside the first contender; for each contender value and ratio."""
    first = next(iter(results))
    cells = [show(median(results[first].get(("nginx", phase, number), [])), "{:.1f}")]
    for name, values in results.items():
        mine, its = values.get((name, phase, number), []), values.get(("nginx", phase, number), [])
        ratio = median([a / b for a, b in zip(mine, its, strict=False) if b])
        cells.append(f"{show(median(mine), '{:.1f}')} (x{show(ratio, '{:.2f}')})")
    return title, cells


def added(results: Results, number: str) -> tuple[str, list[str]]:
    """Latency of one request at a time, less the direct run of the same repetition."""
    cells = []
    for name in ("nginx", *results):
        values = results[name if name in results else next(iter(results))]
        mine, direct = values[(name, "latency", number)], values[("direct", "latency", number)]
        cells.append(show(median([a - b for a, b in zip(mine, direct, strict=True)]), "{:.2f}"))
    return f"added latency {number.removesuffix('_ms')}, one connection, ms", cells


def plain(results: Results, title: str, phase: str, number: str) -> tuple[str, list[str]]:
    """p50 and p99 of a delay, nginx's and the contenders'."""
    cells = []
    for name in ("nginx", *results):
        values = results[name if name in results else next(iter(results))]
        pair = [median(values.get((name, phase, f"{number}_{p}_ms"), [])) for p in ("p50", "p99")]
        cells.append(" / ".join(show(value, "{:.2f}") for value in pair))
    return title, cells


def both(results: Results, numbers: list[int], cell: object) -> list[str]:
    """One cell for nginx and each contender."""
    assert callable(cell)
    first = results[next(iter(results))]
    return [str(cell(first, "nginx", numbers))] + [
        str(cell(values, name, numbers)) for name, values in results.items()
    ]


def held(values: dict[tuple[str, str, str], list[float]], name: str, numbers: list[int]) -> str:
    """The largest number of streams that was held in most repetitions."""
    good = [n for n in numbers if median(values.get((name, f"streams {n}", "held"), [0.0])) == 1]
    return str(max(good)) if good else f"below {min(numbers)}"


def memory(values: dict[tuple[str, str, str], list[float]], name: str, _: list[int]) -> str:
    """Largest resident memory while 1,000 streams ran."""
    return show(median(values.get((name, "streams 1000", "rss_mb"), [])), "{:.0f}")


def own(results: Results, number: str, form: str) -> list[str]:
    """A number of the contenders alone."""
    return [
        show(median(values.get((name, "start", number), [])), form)
        for name, values in results.items()
    ]


def per_second(results: Results) -> list[str]:
    """Requests per second of everybody."""
    first = results[next(iter(results))]
    cells = [show(median(first.get(("nginx", "requests", "rps"), [])), "{:,.0f}")]
    return cells + [
        show(median(values.get((name, "requests", "rps"), [])), "{:,.0f}")
        for name, values in results.items()
    ]


def wrong(results: Results) -> list[str]:
    """How many answers failed the byte check, over all phases and repetitions."""
    cells = []
    for name in ("nginx", *results):
        values = results[name if name in results else next(iter(results))]
        total = sum(
            sum(found) for (who, _, key), found in values.items() if who == name and key == "bad"
        )
        cells.append(f"{total:,.0f}")
    return cells


def show(value: float, form: str) -> str:
    """A number, or a dash for what was not measured."""
    return "-" if math.isnan(value) else form.format(value)
