"""The Markdown table of a run of `bench/ui.py`.

Owns words, medians and marks; it measures nothing. A figure that misses its mark says so.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable
from dataclasses import dataclass

Results = dict[str, dict[str, list[float]]]  # UI → number → one value a repetition
MISSED = " **missed**"


@dataclass(frozen=True)
class Row:
    """One line: the numbers in it, how they are written, the largest allowed value of the last."""

    title: str
    numbers: tuple[str, ...]
    form: str
    marks: dict[str, float]

    def cell(self, ui: str, found: dict[str, list[float]]) -> str:
        values = [found.get(name) for name in self.numbers]
        if not all(values):
            return "-"
        medians = [statistics.median(value) for value in values if value]
        text = self.form.format(*medians)
        mark = self.marks.get(ui.partition(",")[0])  # another checkout's name follows a comma
        return text + (MISSED if mark is not None and medians[-1] > mark else "")

    @property
    def mark(self) -> str:
        return " / ".join(f"{self.marks[ui]:g}" for ui in sorted(self.marks, reverse=True))


def both(value: float) -> dict[str, float]:
    return {"Streamlit": value, "Gradio": value}


def each(streamlit: float, gradio: float) -> dict[str, float]:
    return {"Streamlit": streamlit, "Gradio": gradio}


def render(results: Results, machine: str, command: str, repetitions: int) -> str:
    """Everything that a reader needs to judge or repeat the run."""
    names = list(results)
    lines = [
        f"Machine: {machine}. Medians of {repetitions}.",
        "",
        f"Command: `{command}`",
        "",
        "| | at most (Streamlit / Gradio) | " + " | ".join(names) + " |",
        "|---|---|" + "---|" * len(names),
    ]
    for row in rows(results):
        cells = [row.cell(name, results[name]) for name in names]
        if any(cell != "-" for cell in cells):
            lines.append(f"| {row.title} | {row.mark} | " + " | ".join(cells) + " |")
    return "\n".join([*lines, *growth(results)])


def rows(results: Results) -> list[Row]:
    """The lines in their order; one block for each pace and length that was run."""
    lines = [
        Row("Enter to first character, over the model's own time, ms", ("first",), "{:.0f}",
            each(30, 45)),
        Row("of which to the model server / back, ms", ("first_there", "first_back"),
            "{:.0f} / {:.0f}", {}),
    ]  # fmt: skip
    for rate, tokens in sorted(runs(results)):
        lines += streamed(rate, tokens)
    return [
        *lines,
        Row("Stop to model server let go, largest of 3, ms", ("stop_max",), "{:.0f}",
            each(100, 20)),
        Row("the same before the first token, ms", ("stop_0",), "{:.0f}", each(100, 20)),
        Row("reload in mid-answer: text back after, s", ("reload_s",), "{:.2f}", both(2)),
        Row("and answers that completed, share", ("reload_whole",), "{:.0%}", {}),
        Row("two browsers at 50/s: lag p50 / p99, ms", ("two_p50", "two_p99"), "{:.0f} / {:.0f}",
            both(100)),
        Row("closed tab to model server let go, s", ("tab_s",), "{:.1f}", both(12)),
        Row("SIGTERM to model server let go, ms", ("term",), "{:.0f}", both(1000)),
        Row("start to first answer of the service, s", ("ready_s",), "{:.1f}", {}),
        Row("memory with one page open, MB", ("rss",), "{:.0f}", {}),
        Row("input usable with a cold cache, ms", ("usable",), "{:.0f}", {}),
    ]  # fmt: skip


def streamed(rate: int, tokens: int) -> list[Row]:
    """The lines of one pace and length."""
    key = f"{rate}/{tokens}/"
    name = f"{tokens:,} tokens at {rate}/s"
    lag = both(50) if rate < 200 else each(80, 60)
    return [
        Row(f"{name}: lag p50 / p99, ms", (key + "p50", key + "p99"), "{:.0f} / {:.0f}", lag),
        Row(f"{name}: lag p50 in the first / last quarter, ms",
            (key + "p50_early", key + "p50_late"), "{:.0f} / {:.0f}", {}),
        Row(f"{name}: browser's main thread, s", (key + "busy_s",), "{:.1f}", {}),
        Row(f"{name}: CPU of the service, s", (key + "cpu_s",), "{:.1f}", {}),
        Row(f"{name}: KB down", (key + "down_kb",), "{:.0f}",
            each(500, 400) if tokens == 2000 else {}),
    ]  # fmt: skip


def runs(results: Results) -> set[tuple[int, int]]:
    """Pace and length of every answer that was streamed."""
    keys = {key for found in results.values() for key in found if key.count("/") == 2}
    parts = [key.split("/") for key in keys]
    return {(int(rate), int(tokens)) for rate, tokens, _ in parts}


def growth(results: Results) -> list[str]:
    """How the main thread's work grows with the answer, beside how the answer grows."""
    told = []
    lengths = sorted(tokens for rate, tokens in runs(results) if rate == 200)
    for name, found in results.items():
        busy: Callable[[int], float] = lambda n, f=found: statistics.median(  # type: ignore[misc] # noqa: E731
            f[f"200/{n}/busy_s"]
        )
        known = [n for n in lengths if f"200/{n}/busy_s" in found]
        if len(known) > 1:
            least, most = known[0], known[-1]
            ratio = busy(most) / busy(least)
            told.append(
                f"{name}: {most / least:g} times the tokens at 200/s took {ratio:.1f} times the "
                "main thread's time" + (MISSED if ratio > most / least * 1.1 else "") + "."
            )
    return ["", *told] if told else []
