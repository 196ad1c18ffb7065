"""What is measured, one function a phase: requests, latency, streams.

Owns running the load generator beside a gateway and turning what both report into numbers. A phase
is always run on nginx first and on the contender right after (see `gateway.py`).
"""

from __future__ import annotations

import json
import statistics
import subprocess
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.machine import LOAD_CORE, cpu_ns, rss_mb, running, start

INTERVAL_US = 10_000  # 100 events per second and stream
HELD_STRETCH, HELD_DELAY_MS = 1.02, 10.0


@dataclass(frozen=True)
class Lab:
    """The fake model server and the load generator."""

    load: Path
    upstream: int
    stream_s: float
    request_s: float
    priority: int

    def set_stream(self, chunks: int) -> None:
        """Tells the fake model server how long a stream is."""
        url = f"http://127.0.0.1:{self.upstream}/set?{chunks},{INTERVAL_US}"
        urllib.request.urlopen(url, timeout=5).close()


@dataclass(frozen=True)
class Tick:
    """One progress line of the load generator, and the gateway's accounts at that moment."""

    count: int
    open_streams: int
    cpu: int
    rss: float


@dataclass(frozen=True)
class Target:
    """A running gateway (`pid` 0: the fake model server itself, without a gateway)."""

    port: int
    key: str
    pid: int


def run_load(lab: Lab, target: Target, *arguments: str) -> tuple[list[Tick], dict[str, Any]]:
    """Runs the load generator to its end."""
    mode, *rest = arguments
    command = [str(lab.load), mode, str(target.port), target.key, *rest]
    ticks: list[Tick] = []
    process = start(command, LOAD_CORE, priority=lab.priority, stdout=subprocess.PIPE)
    with running(process):
        assert process.stdout is not None
        for line in process.stdout:
            if not line.startswith("P "):
                return ticks, json.loads(line)
            _, _, count, streams = line.split()
            cpu, rss = (cpu_ns(target.pid), rss_mb(target.pid)) if target.pid else (0, 0.0)
            ticks.append(Tick(int(count), int(streams), cpu, rss))
    raise SystemExit("the load generator ended without a report")


def requests(lab: Lab, target: Target) -> dict[str, float]:
    """Not streamed, 64 connections in a closed loop: CPU per request, requests per second."""
    ticks, report = run_load(lab, target, "requests", "64", str(lab.request_s))
    window = ticks[3:]  # the first 0.3 s warm up
    return {
        "request_us": cpu_us(window),
        "rps": report["count"] / report["seconds"],
        "bad": bad(report),
    }


def latency(lab: Lab, target: Target) -> dict[str, float]:
    """Not streamed, one connection in a closed loop, in ms."""
    _, report = run_load(lab, target, "requests", "1", str(lab.request_s))
    return {
        "p50_ms": report["p50_us"] / 1000,
        "p99_ms": report["p99_us"] / 1000,
        "bad": bad(report),
    }


def streams(lab: Lab, target: Target, number: int) -> dict[str, float]:
    """`number` streams of 100 events per second: CPU per event, delay, stretch, memory."""
    chunks = int(lab.stream_s * 1e6 / INTERVAL_US)
    lab.set_stream(chunks)
    deadline = 2 + 3 * lab.stream_s
    ticks, report = run_load(
        lab, target, "streams", str(number), str(chunks), str(INTERVAL_US), str(deadline)
    )
    steady = [tick for tick in ticks if tick.open_streams == number]
    whole = report["whole_streams"] == number
    held = (
        whole
        and report["stretch"] <= HELD_STRETCH
        and report["p50_us"] / 1000 <= HELD_DELAY_MS
        and not bad(report)
    )
    return {
        # Without a steady second (a gateway that is overloaded) the whole run has to do.
        "chunk_us": cpu_us(steady if len(steady) > 10 else ticks),
        "delay_p50_ms": report["p50_us"] / 1000,
        "delay_p99_ms": report["p99_us"] / 1000,
        "first_p50_ms": report["first_p50_us"] / 1000,
        "stretch": report["stretch"] if whole else float("inf"),
        "rss_mb": max((tick.rss for tick in ticks), default=0.0),
        "held": float(held),
        "bad": bad(report) + report["without_end"],
    }


def bad(report: dict[str, Any]) -> float:
    """Answers that failed or were not what the model server sent, byte for byte."""
    return float(report["errors"] + report["altered"] + report["out_of_order"])


def cpu_us(ticks: list[Tick]) -> float:
    """Microseconds of CPU for each thing counted between the first tick and the last."""
    if len(ticks) < 2 or ticks[-1].count == ticks[0].count:
        return float("nan")
    return (ticks[-1].cpu - ticks[0].cpu) / 1000 / (ticks[-1].count - ticks[0].count)


def median(values: list[float]) -> float:
    """The median of what was measured at all."""
    there = [value for value in values if value == value]  # NaN is not itself
    return statistics.median(there) if there else float("nan")
