"""Measures both chat pages in a real browser, against a model server that keeps an exact pace.

    python bench/ui.py                         # both UIs, about six minutes
    python bench/ui.py --quick                 # a first look in two
    python bench/ui.py --ui gradio --parts streaming,stop
    python bench/ui.py --long 10000            # and one answer of so many tokens
    python bench/ui.py --beside ../before      # another checkout, in turns with this one

The gateway keeps the chats meanwhile, as in use. `bench/ui.md` explains method and traps. A report,
not a test: it prints one Markdown table with the marks beside the figures.
"""

from __future__ import annotations

import argparse
import os
import shlex
import sys
import tempfile
from collections.abc import Callable
from dataclasses import replace
from itertools import product
from pathlib import Path

if __name__ == "__main__":  # for `bench.…`: run as a file, the path begins with bench/ itself
    sys.path[0] = str(Path(__file__).resolve().parent.parent)

from playwright.sync_api import Playwright, sync_playwright

from bench import ui_measures as measures
from bench.machine import ROOT, facts, raise_priority
from bench.ui_browser import View, opened
from bench.ui_services import UIS, Running, running_ui
from bench.ui_table import Results, render

PARTS = ("start", "first", "streaming", "stop", "reload", "two", "leave")
FAST, READING_PACE = 200, 50
GRACE_S = 10.0  # CHAT_ABANDONED_S


def main() -> None:
    """Runs everything and prints the table."""
    options = parse()
    raise_priority(options.priority)
    os.setpriority(os.PRIO_PROCESS, 0, options.priority)
    results: Results = {}
    with sync_playwright() as playwright, tempfile.TemporaryDirectory(prefix="lectern-ui-") as top:
        for repetition in range(options.repetitions):
            for name, root in product(options.ui.split(","), options.roots):
                ui = UIS[name]
                if root != ROOT:
                    ui = replace(ui, name=f"{ui.name}, {root.name}")
                folder = Path(top) / f"{name}-{root.name}-{repetition}"
                folder.mkdir()
                with running_ui(ui, folder, root, options.python) as running:
                    measure(playwright, running, results.setdefault(ui.name, {}), options)
    command = shlex.join(["python", "bench/ui.py", *sys.argv[1:]])
    print(render(results, facts(), command, options.repetitions))


def parse() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--ui", default="streamlit,gradio", help="streamlit, gradio, floor; several by comma")
    add("--parts", default=",".join(PARTS), help="which subjects, by comma: " + ", ".join(PARTS))
    add("--repetitions", type=int, default=1, help="medians are taken over these")
    add("--turns", type=int, default=10, help="questions for the first character")
    add("--lengths", default="500,1000,2000", help="tokens of the streamed answers")
    add("--long", type=int, default=0, help="also one answer of so many tokens, at 200 a second")
    add("--quick", action="store_true", help="3 turns, answers of 250 and 500 tokens, no leaving")
    add("--priority", type=int, default=0, help="niceness of everything measured (root: below 0)")
    add("--python", default=sys.executable, help="of UI and gateway; {service} is which one")
    add("--beside", type=Path, help="another checkout, whose services are measured in turns")
    options = parser.parse_args()
    options.roots = [ROOT, *([options.beside.resolve()] if options.beside else [])]
    if options.quick:
        options.turns, options.lengths = 3, "250,500"
        options.parts = ",".join(set(options.parts.split(",")) - {"leave"})
    return options


def measure(
    playwright: Playwright,
    running: Running,
    found: dict[str, list[float]],
    options: argparse.Namespace,
) -> None:
    """One repetition of one UI, in a fresh browser a subject."""
    parts = options.parts.split(",")
    service = running.process is not None

    def part(name: str, work: Callable[[View], measures.Numbers], *, here: bool = True) -> None:
        if name not in parts or not here:
            return
        with opened(playwright, running, options.priority) as view:
            usable = view.open(running.url)
            view.idle(1.0)
            numbers = work(view)
            if name == "start":
                numbers |= {"usable": usable, "ready_s": running.start_s}
        note(running.ui.name, found, numbers)

    part("start", measures.memory, here=service)
    part("first", lambda view: measures.first_characters(view, options.turns))
    lengths = [int(length) for length in options.lengths.split(",")]
    for tokens in lengths:
        part("streaming", lambda view, n=tokens: streaming(view, n, FAST))  # type: ignore[misc]
    part("streaming", lambda view: streaming(view, lengths[-1], READING_PACE))
    if options.long:
        part("streaming", lambda view: streaming(view, options.long, FAST))
    part("stop", lambda view: measures.stopping(view, 3))
    part("reload", measures.reloading, here=service)
    part("two", lambda view: two(playwright, running, view, lengths[-1] // 2, options.priority))
    part("leave", lambda view: measures.leaving(view, GRACE_S + 10), here=service)
    part("leave", measures.ending, here=service)


def streaming(view: View, tokens: int, rate: int) -> measures.Numbers:
    """One answer in a chat of its own."""
    view.count_bytes()
    return measures.streaming(view, tokens, rate)


def two(
    playwright: Playwright, running: Running, view: View, tokens: int, priority: int
) -> measures.Numbers:
    """The second browser beside the one that is open."""
    with opened(playwright, running, priority) as other:
        other.open(running.url)
        return measures.two_at_once(view, other, tokens, READING_PACE)


def note(name: str, found: dict[str, list[float]], numbers: measures.Numbers) -> None:
    """Files numbers and tells them at once."""
    for key, value in numbers.items():
        found.setdefault(key, []).append(value)
    shown = ", ".join(f"{key} {value:.4g}" for key, value in numbers.items())
    print(f"{name}: {shown}", file=sys.stderr)


if __name__ == "__main__":
    main()
