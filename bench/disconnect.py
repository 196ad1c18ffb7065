"""Measures how soon the model server is let go when a caller leaves.

    python bench/disconnect.py             # 200 times each
    python bench/disconnect.py --times 50

A caller closes its connection at t0. For a stream in full flow and for an answer that has not begun
the figure is the time from t0 until the model server sees its connection closed; both ends are in
this process and share its clock. For a caller in line, for whom nobody has asked the model server
yet, it is the time until the next one is told, by a comment every ms, that it has moved up. One
gateway with one slot and everything on; caller and model server run on the other core. It prints
p50, p99 and the maximum in milliseconds, and ends with code 1 when one is above 100 ms.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from contextlib import closing, suppress
from pathlib import Path

sys.path[0] = str(Path(__file__).resolve().parent.parent)  # for `bench.…`; it was bench/ itself

from bench.contenders import Contender, lectern  # noqa: E402
from bench.machine import (  # noqa: E402
    GATEWAY_CORE,
    LOAD_CORE,
    answers,
    facts,
    raise_priority,
    running,
    start,
    wait_for,
)

BOUND_MS = 100.0
READY_TIMEOUT_S = 120.0
EVENT = b'data: {"choices":[{"index":0,"delta":{"content":"x"}}]}\n\n'
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"


class ModelServer:
    """Answers nothing but lists, streams without end when asked to; notes when it is let go."""

    def __init__(self) -> None:
        self.asked = asyncio.Event()
        self.let_go = asyncio.Event()
        self._open: set[asyncio.StreamWriter] = set()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open.add(writer)
        with closing(writer):
            while head := await _head(reader):
                if head.startswith(b"GET"):
                    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
                    continue
                self.asked.set()
                streams = b'"stream": true' in await reader.readexactly(_length(head))
                flow = asyncio.create_task(_flow(writer)) if streams else None
                with suppress(ConnectionError):
                    await reader.read()
                self.let_go.set()
                if flow is not None:
                    flow.cancel()
                return

    async def close(self) -> None:
        for writer in self._open:
            writer.transport.abort()
        await asyncio.sleep(0.1)  # until every `serve` has noticed


async def _flow(writer: asyncio.StreamWriter) -> None:
    writer.write(HEAD)
    while True:
        writer.write(b"%x\r\n%s\r\n" % (len(EVENT), EVENT))
        await asyncio.sleep(0.01)


async def _head(reader: asyncio.StreamReader) -> bytes:
    try:
        return await reader.readuntil(b"\r\n\r\n")
    except (asyncio.IncompleteReadError, OSError):
        return b""


def _length(head: bytes) -> int:
    _, _, rest = head.lower().partition(b"content-length:")
    return int(rest.split(b"\r\n", 1)[0])


class Callers:
    """Speaks to the gateway as its callers do."""

    def __init__(self, gateway: Contender) -> None:
        self._gateway = gateway

    async def ask(self, *, stream: bool) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        body = b'{"model": "m", "stream": %s}' % (b"true" if stream else b"false")
        return await self._send("POST /v1/chat/completions", body)

    async def _send(
        self, what: str, body: bytes
    ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        reader, writer = await asyncio.open_connection("127.0.0.1", self._gateway.port)
        head = f"{what} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {self._gateway.key}\r\n"
        writer.write(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
        return reader, writer


async def leave(callers: Callers, server: ModelServer, *, stream: bool) -> float:
    """One caller who leaves while the model works; milliseconds until it is let go."""
    server.asked.clear()
    server.let_go.clear()
    reader, writer = await callers.ask(stream=stream)
    await server.asked.wait()
    if stream:
        await reader.readuntil(EVENT)
    await asyncio.sleep(0.03)
    began = time.perf_counter()
    writer.transport.abort() if stream else writer.close()
    await server.let_go.wait()
    return (time.perf_counter() - began) * 1000


async def leave_line(callers: Callers) -> float:
    """One caller who leaves the line; milliseconds until the one behind has moved up."""
    _, leaving = await callers.ask(stream=False)
    reader, behind = await callers.ask(stream=True)
    await reader.readuntil(b": queued position=2\n\n")
    began = time.perf_counter()
    leaving.close()
    await reader.readuntil(b": queued position=1\n\n")
    took_ms = (time.perf_counter() - began) * 1000
    behind.transport.abort()
    return took_ms


async def measure(times: int, priority: int, folder: Path) -> bool:
    """Prints the table; True when nothing took longer than the bound."""
    model = ModelServer()
    server = await asyncio.start_server(model.serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    env = {"GATEWAY_SLOTS": "1", "GATEWAY_HEARTBEAT_S": "0.001"}
    options = "--rpm 100000000 --tpm 1000000000 --concurrency 100"
    gateway = await asyncio.to_thread(lectern(sys.executable, options, env), port, folder)
    with running(start(gateway.command, GATEWAY_CORE, gateway.env, folder / "log", priority)):
        await asyncio.to_thread(
            wait_for, lambda: answers(gateway.port, "/healthz"), "the gateway", READY_TIMEOUT_S
        )
        callers = Callers(gateway)
        kinds: dict[str, Callable[[], Awaitable[float]]] = {
            "streamed": lambda: leave(callers, model, stream=True),
            "not streamed": lambda: leave(callers, model, stream=False),
        }
        figures = {name: [await go() for _ in range(times)] for name, go in kinds.items()}
        _, first = await callers.ask(stream=False)
        await model.asked.wait()
        figures["in line"] = [await leave_line(callers) for _ in range(times)]
        first.close()
    server.close()
    await model.close()
    _print(figures)
    return all(value <= BOUND_MS for values in figures.values() for value in values)


def _print(figures: dict[str, list[float]]) -> None:
    print(f"{facts()}\n\n| a caller leaves | p50 ms | p99 ms | max ms | times |")
    print("|---|---|---|---|---|")
    for name, values in figures.items():
        p99 = statistics.quantiles(values, n=100, method="inclusive")[98]
        middle, most = statistics.median(values), max(values)
        print(f"| {name} | {middle:.1f} | {p99:.1f} | {most:.1f} | {len(values)} |")


def main() -> None:
    """Runs the three kinds one after the other."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--times", type=int, default=200, help="how often each is tried")
    parser.add_argument("--priority", type=int, default=0, help="niceness; below 0 as root")
    options = parser.parse_args()
    raise_priority(options.priority)
    os.setpriority(os.PRIO_PROCESS, 0, options.priority)
    os.sched_setaffinity(0, {LOAD_CORE})
    with tempfile.TemporaryDirectory() as folder:
        if not asyncio.run(measure(max(2, options.times), options.priority, Path(folder))):
            raise SystemExit(f"a caller's leaving took longer than {BOUND_MS:g} ms")


if __name__ == "__main__":
    main()
