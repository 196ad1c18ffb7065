"""What brought other gateways down, held here by what is counted, never by time.

The cases are named in docs/security.md. Most have their tests beside the part that they are about;
these are the ones that need the whole gateway.
"""

from __future__ import annotations

import ast
import asyncio
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import Engine

from gateway.database import open_database
from gateway.events import EventCutter
from gateway.settings import GatewaySettings
from tests.fault_upstream import Exchange, fault_upstream
from tests.gateway.conftest import gateway_before
from tests.gateway.doors import open_door
from tests.running import ROOT

CHAT = "/v1/chat/completions"
MIB = 1024 * 1024
SERVICE = ROOT / "services" / "gateway"


def resident_bytes(pid: int) -> int:
    """The memory that a process holds."""
    status = Path(f"/proc/{pid}/status")
    if status.exists():
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmRSS"))
        return int(line.split()[1]) * 1024
    done = subprocess.run(["ps", "-o", "rss=", "-p", str(pid)], capture_output=True, check=True)
    return int(done.stdout) * 1024


def test_memory_does_not_grow_with_a_streamed_answer(folder: Path) -> None:
    event = b'data: {"choices":[{"delta":{"content":"%s"}}]}\n\n' % (b"a" * 60_000)
    events = 96 * MIB // len(event)

    def behave(exchange: Exchange) -> None:
        exchange.start_stream()
        for _ in range(events if b"long" in exchange.body else 50):
            exchange.chunk(event)
        exchange.chunk(b"data: [DONE]\n\n")
        exchange.end_stream()

    with fault_upstream(behave) as upstream, gateway_before(upstream.url, folder) as front:

        def read(model: str) -> tuple[int, int]:
            body = {"model": model, "messages": [], "stream": True}
            with front.client.stream("POST", CHAT, json=body) as answer:
                pieces = answer.iter_raw()
                size, peak = 0, 0
                for number, piece in enumerate(pieces):
                    size += len(piece)
                    if number % 50 == 0:
                        peak = max(peak, resident_bytes(front.service.process.pid))
            return size, peak

        read("short")  # what the first stream brings into memory stays there
        before = resident_bytes(front.service.process.pid)
        size, peak = read("long")
    assert size > 95 * MIB
    assert peak - before < 16 * MIB


async def test_no_database_connection_is_held_while_an_answer_is_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """litellm issue 34479: connections ran out, and every key was told that it is unknown."""
    engines: list[Engine] = []

    def keep(settings: GatewaySettings) -> Engine:
        engines.append(open_database(settings))
        return engines[-1]

    at_once = 8
    all_there = threading.Barrier(at_once)
    held: list[int] = []

    def behave(exchange: Exchange) -> None:
        all_there.wait(60)
        held.append(engines[0].pool.checkedout())  # type: ignore[attr-defined]
        exchange.answer(b'{"choices": []}')

    monkeypatch.setattr("gateway.app.open_database", keep)
    with fault_upstream(behave) as upstream:
        async with open_door(tmp_path, upstream.url, gateway_slots=at_once) as door:
            key = door.key("ana")
            asked = (door.ask("POST", CHAT, key) for _ in range(at_once))
            answers = await asyncio.gather(*asked)
    assert [answer.status_code for answer in answers] == [200] * at_once
    assert len(held) == at_once
    assert max(held) <= 1  # the ledger's own, however many ask


class Counting(bytearray):
    """Counts the bytes that a search looks at."""

    looked_at = 0

    def rfind(self, mark: Any, start: Any = 0, *rest: Any) -> int:
        Counting.looked_at += len(self) - int(start)
        return super().rfind(mark, start, *rest)


@pytest.mark.parametrize("piece", [1, 100, 4096])
def test_the_work_on_a_long_event_grows_with_its_length_alone(
    piece: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """litellm issue 26181: each chunk was read again with all before it, until the loop froze."""
    event = b"data: " + b"a" * 200_000 + b"\n\n"
    cutter = EventCutter()
    monkeypatch.setattr(cutter, "_kept", Counting())
    monkeypatch.setattr(Counting, "looked_at", 0)
    out = b"".join(cutter.feed(event[at : at + piece]) for at in range(0, len(event), piece))
    assert out + cutter.rest() == event
    ends, overlap = 3, 3  # three forms of an event's end, each begins up to 3 bytes earlier
    assert 0 < Counting.looked_at <= ends * (len(event) + overlap * len(event) / piece)


FORBIDDEN_IMPORTS = {
    *("subprocess", "pty", "pickle", "marshal", "shelve", "code", "codeop", "runpy", "ctypes"),
    *("multiprocessing", "dill", "cloudpickle", "requests", "httpx", "aiohttp", "urllib3", "mcp"),
}
FORBIDDEN_CALLS = {"eval", "exec", "__import__", "compile"}
FORBIDDEN_ATTRIBUTES = {"system", "popen", "from_string", "import_module", "urlopen"}
SPAWNING = ("spawn", "exec", "posix_spawn", "create_subprocess")


def offences(path: Path) -> list[str]:
    found: list[str] = []
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names = {alias.name.split(".")[0] for alias in node.names}
            found += names & FORBIDDEN_IMPORTS
        elif isinstance(node, ast.ImportFrom) and node.module:
            found += {node.module.split(".")[0]} & FORBIDDEN_IMPORTS
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            found += {node.func.id} & FORBIDDEN_CALLS
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            name = node.func.attr
            of_os = isinstance(node.func.value, ast.Name) and node.func.value.id in (
                "os",
                "asyncio",
            )
            if name in FORBIDDEN_ATTRIBUTES or (of_os and name.startswith(SPAWNING)):
                found.append(name)
    return [f"{path.name}: {name}" for name in found]


def test_the_gateway_starts_no_program_and_runs_no_code_of_a_caller() -> None:
    """CVE-2026-42271, CVE-2026-30623, CVE-2026-90898: a request started a program.

    CVE-2024-2952, CVE-2026-42203, CVE-2026-37004, CVE-2026-40217: a request brought a template or
    code. Here there is nothing that could start, unpickle, render or evaluate what came, and no
    HTTP client beside the one in `wire`.
    """
    modules = sorted(SERVICE.glob("*.py"))
    assert len(modules) > 50
    assert [offence for path in modules for offence in offences(path)] == []


def test_the_page_is_the_only_template() -> None:
    assert [path.name for path in (SERVICE / "templates").iterdir()] == ["landing.html"]
    users = [path.name for path in SERVICE.glob("*.py") if "jinja2" in path.read_text()]
    assert users == ["landing.py"]


HEAVY = ("numpy", "pandas", "torch", "openai", "anthropic", "tiktoken", "boto3", "litellm", "httpx")


def test_starting_imports_nothing_heavy(tmp_path: Path) -> None:
    """litellm issues 2677 and 10943: seconds of imports before the first answer."""
    code = "import sys, gateway.server; print(*sorted({n.split('.')[0] for n in sys.modules}))"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={"PYTHONPATH": str(ROOT / "services"), "PATH": "/usr/bin:/bin", "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )
    imported = set(done.stdout.split())
    assert "gateway" in imported
    assert imported & {*HEAVY, "engine", "chat_client", "gradio", "streamlit"} == set()


def test_every_wrong_key_counts_for_the_address_that_sent_it(folder: Path) -> None:
    """A header that names another address with every try must not refill the allowance."""
    with gateway_before("http://127.0.0.1:9", folder) as front:
        statuses = [
            httpx.get(
                front.service.url + "/v1/models",
                headers={
                    "Authorization": "Bearer lk-wrong",
                    "X-Forwarded-For": f"198.51.100.{number}",
                    "X-Real-IP": f"198.51.100.{number}",
                    "Forwarded": f"for=198.51.100.{number}",
                },
            ).status_code
            for number in range(30)
        ]
        assert front.client.get("/lectern/usage").status_code == 200
    assert set(statuses[:15]) == {401}
    assert 429 in statuses
