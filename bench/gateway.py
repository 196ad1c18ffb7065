"""Measures the gateway beside nginx and LiteLLM, on one machine with two cores.

    python bench/gateway.py                      # this repository's gateway, nginx, LiteLLM
    python bench/gateway.py --peers none --quick # a first look in two minutes
    python bench/gateway.py --command 'other-gateway --port {port}' --key sk-…

The gateway runs on core 0, the load generator and the fake model server (C programs beside this
file, compiled now) on core 1. Every phase is run on nginx first and on the contender right after;
what counts is the ratio. `bench/README.md` explains method and traps. It prints one Markdown table.
"""

from __future__ import annotations

import argparse
import os
import shlex
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

sys.path[0] = str(Path(__file__).resolve().parent.parent)  # for `bench.…`; it was bench/ itself

from bench import phases  # noqa: E402
from bench.contenders import Contender, Maker, lectern, litellm, nginx, other  # noqa: E402
from bench.machine import (  # noqa: E402
    GATEWAY_CORE,
    LOAD_CORE,
    answers,
    compile_helper,
    facts,
    free_port,
    raise_priority,
    rss_mb,
    running,
    start,
    wait_for,
)
from bench.phases import Lab, Target  # noqa: E402
from bench.table import Results, in_turns, render  # noqa: E402

STREAMS = (64, 256, 512, 1000)
FEW = 256
READY_TIMEOUT_S = 120.0
IDLE_S = 1.5


def main() -> None:
    """Runs everything and prints the table."""
    options = parse()
    if len(os.sched_getaffinity(0)) < 2:
        raise SystemExit("Two cores are needed: one for the gateway, one for the load.")
    os.sched_setaffinity(0, {LOAD_CORE})
    raise_priority(options.priority)
    makers: list[Maker] = [chosen(options)]
    if options.beside:
        root = Path(options.beside).resolve()
        env = dict(pair.split("=", 1) for pair in options.env)
        name = f"Lectern in {root.name}"
        makers.append(lectern(sys.executable, options.key_options, env, root, name))
    if "litellm" in options.peers:
        makers.append(litellm)
    results: Results = {}
    with tempfile.TemporaryDirectory(prefix="lectern-bench-") as folder, ExitStack() as stack:
        lab = open_lab(options, stack)
        for repetition in range(options.repetitions):
            for number, maker in enumerate(makers):
                place = Path(folder) / f"{repetition}-{number}"
                place.mkdir()
                measure(lab, maker, place, results, options)
        turns = compare(lab, makers, Path(folder), options) if options.turns and makers[1:] else {}
    command = shlex.join(["python", "bench/gateway.py", *sys.argv[1:]])
    print(render(results, facts(), command, options.repetitions))
    if turns:
        print(in_turns(turns))


def parse() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--peers", default="litellm", help="litellm or none (nginx always runs)")
    add("--repetitions", type=int, default=3, help="medians are taken over these")
    add("--turns", type=int, default=8, help="requests of the contenders alone, in turns; 0: none")
    add("--quick", action="store_true", help="one repetition, short phases, 64 and 256 streams")
    add("--stream-seconds", type=float, default=5.0, help="length of a stream")
    add("--request-seconds", type=float, default=3.0, help="length of a phase of requests")
    add("--streams", default=",".join(map(str, STREAMS)), help="numbers of streams to try")
    add("--priority", type=int, default=0, help="niceness of everything measured (root: below 0)")
    add("--env", action="append", default=[], metavar="NAME=VALUE", help="a setting of the gateway")
    add("--key-options", default="", help="more for `keys create`, such as '--rpm 0'")
    add("--beside", metavar="FOLDER", help="another checkout, for comparing two commits")
    add("--command", help="another gateway instead; {port}, {upstream}, {folder} are filled in")
    add("--key", default="", help="the key for --command")
    add("--ready-path", default="/healthz", help="what --command answers when it is ready")
    options = parser.parse_args()
    if options.quick:
        options.repetitions, options.stream_seconds, options.request_seconds = 1, 3.0, 1.5
        options.streams, options.turns = "64,256", 0
    return options


def chosen(options: argparse.Namespace) -> Maker:
    """The gateway under test."""
    env = dict(pair.split("=", 1) for pair in options.env)
    if options.command:
        return other(options.command, options.key, options.ready_path, env)
    return lectern(sys.executable, options.key_options, env)


def open_lab(options: argparse.Namespace, stack: ExitStack) -> Lab:
    """Compiles the two programs and starts the fake model server."""
    port = free_port()
    server = [str(compile_helper("fake_upstream")), str(port), "100", str(phases.INTERVAL_US)]
    stack.enter_context(running(start(server, LOAD_CORE, priority=options.priority)))
    wait_for(lambda: answers(port, "/v1/models"), "the fake model server", 10)
    load = compile_helper("load")
    return Lab(load, port, options.stream_seconds, options.request_seconds, options.priority)


def measure(
    lab: Lab, maker: Maker, folder: Path, results: Results, options: argparse.Namespace
) -> None:
    """One repetition of one contender, each phase right after the same on nginx."""
    yardstick, contender = nginx(lab.upstream, folder), maker(lab.upstream, folder)
    with ExitStack() as stack:
        one, _, _ = up(yardstick, folder, stack, options.priority)
        two, ready_s, idle_mb = up(contender, folder, stack, options.priority)
        direct = Target(lab.upstream, "none", 0)
        note(results, contender.name, "start", {"ready_s": ready_s, "idle_mb": idle_mb})
        for name, target in (("direct", direct), ("nginx", one), (contender.name, two)):
            note(results, name, "latency", phases.latency(lab, target), contender.name)
        for name, target in (("nginx", one), (contender.name, two)):
            note(results, name, "requests", phases.requests(lab, target), contender.name)
        for number in map(int, options.streams.split(",")):
            for name, target in (("nginx", one), (contender.name, two)):
                numbers = phases.streams(lab, target, number)
                note(results, name, f"streams {number}", numbers, contender.name)
            if number <= FEW and not numbers["held"]:
                break  # more streams would only take longer to fail


def compare(
    lab: Lab, makers: list[Maker], folder: Path, options: argparse.Namespace
) -> dict[str, list[float]]:
    """CPU µs per request of contenders that are all up, each right after the other.

    A ratio between two of them must not rest on minutes in between, nor on how a neighbour of the
    machine treats nginx.
    """
    with ExitStack() as stack:
        targets: dict[str, Target] = {}
        for number, maker in enumerate(makers):
            place = folder / f"turns-{number}"
            place.mkdir()
            contender = maker(lab.upstream, place)
            targets[contender.name], _, _ = up(contender, place, stack, options.priority)
        values: dict[str, list[float]] = {name: [] for name in targets}
        for turn in range(options.turns):
            for name, target in sorted(targets.items(), reverse=turn % 2 == 1):
                numbers = phases.requests(lab, target)
                values[name].append(numbers["request_us"])
                print(f"turn {turn}, {name}: {numbers['request_us']:.4g} µs", file=sys.stderr)
        return values


def up(
    contender: Contender, folder: Path, stack: ExitStack, priority: int
) -> tuple[Target, float, float]:
    """Starts a gateway on its core: the target, seconds until it answered, idle memory in MB."""
    log = folder / f"{contender.name}.log"
    process = start(contender.command, GATEWAY_CORE, contender.env or None, log, priority)
    stack.enter_context(running(process))

    def ready() -> bool:
        if process.poll() is not None:
            raise SystemExit(f"{contender.name} ended at once:\n{log.read_text()[-2000:]}")
        return answers(contender.port, contender.ready_path)

    ready_s = wait_for(ready, f"{contender.name} to be ready", READY_TIMEOUT_S)
    subprocess.run(["sleep", str(IDLE_S)], check=True)  # noqa: S607 (what it does after starting)
    return Target(contender.port, contender.key, process.pid), ready_s, rss_mb(process.pid)


def note(
    results: Results, name: str, phase: str, numbers: dict[str, float], beside: str | None = None
) -> None:
    """Files the numbers of one phase; nginx's and the direct run's under their contender."""
    own = results.setdefault(beside or name, {})
    for key, value in numbers.items():
        own.setdefault((name, phase, key), []).append(value)
    if numbers.get("bad"):
        print(f"{name}, {phase}: {numbers['bad']:.0f} answers were not right", file=sys.stderr)
    shown = ", ".join(f"{key} {value:.4g}" for key, value in numbers.items())
    print(f"{name}, {phase}: {shown}", file=sys.stderr)


if __name__ == "__main__":
    main()
