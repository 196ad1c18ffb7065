"""The benchmark's own programs: what they count is right, and what is wrong they notice."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from bench.machine import compile_helper, cpu_ns, rss_mb
from tests.fault_upstream import Exchange, fault_upstream
from tests.running import ROOT, answers, free_port, missing, wait_until

Load = Callable[..., dict[str, Any]]


@pytest.fixture(scope="module")
def load(tmp_path_factory: pytest.TempPathFactory) -> Load:
    """Runs the load generator on a port and returns its report."""
    if not any(map(shutil.which, ("cc", "gcc", "clang"))):
        missing("C compiler", "install one (for example `apt install gcc libc6-dev`)")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        program = compile_helper("load")

    def run(mode: str, port: int, *arguments: object) -> dict[str, Any]:
        command = [str(program), mode, str(port), "a-key", *map(str, arguments)]
        done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
        report: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
        return report

    return run


@pytest.fixture(scope="module")
def model_server(load: Load, tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """The fake model server with streams of 20 events, one each 5 ms."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        program = compile_helper("fake_upstream")
    port = free_port()
    with subprocess.Popen([program, str(port), "20", "5000"]) as process:
        try:
            wait_until(lambda: answers(f"http://127.0.0.1:{port}/v1/models"), "the model server")
            yield port
        finally:
            process.terminate()


def test_whole_answers_are_counted_and_right(load: Load, model_server: int) -> None:
    report = load("requests", model_server, 4, 0.5)
    assert report["count"] > 10
    assert (report["errors"], report["altered"]) == (0, 0)


def test_whole_streams_are_counted_and_right(load: Load, model_server: int) -> None:
    report = load("streams", model_server, 8, 20, 5000, 20)
    assert report["whole_streams"] == 8
    assert report["count"] == 8 * 20
    wrong = ("errors", "altered", "out_of_order", "without_end")
    assert [report[name] for name in wrong] == [0, 0, 0, 0]


@pytest.fixture(scope="module")
def events(model_server: int) -> list[bytes]:
    """The events of one stream of the fake model server."""
    import httpx

    body = {"stream": True}
    answer = httpx.post(f"http://127.0.0.1:{model_server}/v1/chat/completions", json=body)
    return [event + b"\n\n" for event in answer.content.removesuffix(b"\n\n").split(b"\n\n")]


def stream(load: Load, pieces: list[bytes], *, cut: bool = False) -> dict[str, Any]:
    def behave(exchange: Exchange) -> None:
        exchange.start_stream()
        for piece in pieces:
            exchange.chunk(piece)
        exchange.die() if cut else exchange.end_stream()

    with fault_upstream(behave) as server:
        return load("streams", server.url.rpartition(":")[2], 1, 20, 5000, 20)


def test_a_changed_byte_is_noticed(load: Load, events: list[bytes]) -> None:
    assert stream(load, events)["altered"] == 0
    changed = events[3].replace(b"1700000000", b"1700000001")
    assert stream(load, [*events[:3], changed, *events[4:]])["altered"] == 1


def test_a_lost_event_is_noticed(load: Load, events: list[bytes]) -> None:
    report = stream(load, events[:3] + events[4:])
    assert report["out_of_order"] > 0
    assert report["whole_streams"] == 0


def test_a_missing_end_and_a_cut_are_noticed(load: Load, events: list[bytes]) -> None:
    assert stream(load, events[:-1])["without_end"] == 1
    report = stream(load, events, cut=True)
    assert report["errors"] == 1


def test_events_are_found_however_they_are_cut(load: Load, events: list[bytes]) -> None:
    whole = b"".join(events)
    for size in (1, 7, 100, 5000):
        pieces = [whole[at : at + size] for at in range(0, len(whole), size)]
        report = stream(load, pieces)
        assert (report["count"], report["altered"], report["without_end"]) == (20, 0, 0), size


def test_a_wrong_answer_and_a_wrong_status_are_noticed(load: Load) -> None:
    def behave(exchange: Exchange) -> None:
        exchange.answer(b"{}", "502 Bad Gateway")

    with fault_upstream(behave) as server:
        report = load("requests", server.url.rpartition(":")[2], 1, 0.3)
    assert report["errors"] == report["altered"] == report["answers"] > 0


def test_work_shows_in_the_kernels_accounts() -> None:
    code = (
        "import time; a = bytes(50_000_000); t = time.process_time\nwhile t() < .3: pass\ninput()"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE) as process:
        try:
            wait_until(lambda: cpu_ns(process.pid) > 300_000_000, "0.3 s of CPU")
            assert rss_mb(process.pid) > 5
        finally:
            process.kill()


def test_help_is_there() -> None:
    command = [sys.executable, str(Path("bench") / "gateway.py"), "--help"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert "--peers" in done.stdout
