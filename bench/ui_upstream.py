"""A model server that answers on a schedule and remembers when it did what.

    python bench/ui_upstream.py PORT

Owns: LM Studio's routes that a chat needs, one token a chunk at the asked pace, a note of every
moment on CLOCK_MONOTONIC (asked, each token sent, connection closed) and `/floor`, a bare page
that shows what the browser and the probe cost by themselves. A question says what it wants:
`tokens=2000 rate=50 first_s=0.3`.
"""

from __future__ import annotations

import asyncio
import json
import re
import sys
import time
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

if __name__ == "__main__":  # for `bench.…`: run as a file, the path begins with bench/ itself
    sys.path[0] = str(Path(__file__).resolve().parent.parent)

from bench.ui_answer import answer

MODEL = "paced-model"
FLOOR = Path(__file__).with_name("ui_floor.html")
WISH = re.compile(r"(tokens|rate|first_s)=([\d.]+)")
STREAM = (
    b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n"
    b"Transfer-Encoding: chunked\r\n\r\n"
)


@dataclass
class Told:
    """One answer: when it was asked for, when each token left, when and how it ended (seconds)."""

    turn: int
    tokens: int
    asked: float
    sent: list[float] = field(default_factory=list)
    closed: float | None = None
    whole: bool = False


def wishes(question: str) -> tuple[int, float, float]:
    """Tokens, tokens per second and seconds before the first one."""
    found = dict(WISH.findall(question))
    return (
        int(found.get("tokens", 20)),
        float(found.get("rate", 50)),
        float(found.get("first_s", 0.3)),
    )


class Server:
    """Serves until the process ends."""

    def __init__(self) -> None:
        self.told: list[Told] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
                found = re.search(r"content-length: *(\d+)", head, re.IGNORECASE)
                body = await reader.readexactly(int(found[1]) if found else 0)
                path = head.split(" ", 2)[1]
                if path == "/v1/chat/completions":
                    await self._chat(json.loads(body), reader, writer)
                    break
                writer.write(self._plain(path))
        writer.close()

    def _plain(self, path: str) -> bytes:
        kind, status = "application/json", "200 OK"
        if path == "/floor":
            kind, body = "text/html", FLOOR.read_bytes()
        elif path.startswith("/told"):
            body = json.dumps([asdict(each) for each in self.told]).encode()
            if "?last" in path:
                body = json.dumps([asdict(each) for each in self.told[-1:]]).encode()
        elif path in ROUTES:
            body = json.dumps(ROUTES[path]).encode()
        else:
            status, body = "404 Not Found", b"{}"
        head = f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n"
        return head.encode() + body

    async def _chat(
        self, body: dict[str, Any], reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        told = Told(len(self.told), 0, time.monotonic())
        self.told.append(told)
        question = str(body["messages"][-1]["content"])
        telling = asyncio.create_task(self._tell(told, question, writer))
        leaving = asyncio.create_task(reader.read())  # returns when the caller hangs up
        await asyncio.wait([telling, leaving], return_when=asyncio.FIRST_COMPLETED)
        if not telling.done():
            told.closed = time.monotonic()
        for task in (telling, leaving):
            task.cancel()
            with suppress(asyncio.CancelledError, ConnectionError):
                await task

    async def _tell(self, told: Told, question: str, writer: asyncio.StreamWriter) -> None:
        told.tokens, rate, first_s = wishes(question)
        words = answer(told.turn, told.tokens)
        writer.write(STREAM)
        for index, word in enumerate(words):
            due = told.asked + first_s + index / rate
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            told.sent.append(time.monotonic())
            writer.write(_event({"choices": [_choice({"content": word})]}))
        writer.write(_event({"choices": [_choice({}, "stop")]}))
        usage = {"prompt_tokens": 12, "completion_tokens": told.tokens}
        usage["total_tokens"] = 12 + told.tokens
        writer.write(_event({"choices": [], "usage": usage}) + _chunk(b"data: [DONE]\n\n"))
        writer.write(b"0\r\n\r\n")
        await writer.drain()
        told.whole = True


def _choice(delta: dict[str, str], finish: str | None = None) -> dict[str, Any]:
    return {"index": 0, "delta": delta, "finish_reason": finish}


def _event(chunk: dict[str, Any]) -> bytes:
    whole = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": MODEL, **chunk}
    return _chunk(f"data: {json.dumps(whole)}\n\n".encode())


def _chunk(data: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(data), data)


ROUTES: dict[str, Any] = {
    "/lmstudio-greeting": {"lmstudio": True},
    "/v1/models": {"object": "list", "data": [{"id": MODEL, "object": "model"}]},
    "/api/v1/models": {
        "models": [
            {
                "type": "llm",
                "publisher": "lectern",
                "key": MODEL,
                "display_name": "Paced Model",
                "quantization": {"name": "Q4_K_M", "bits_per_weight": 4},
                "size_bytes": 5_000_000,
                "params_string": "5M",
                "max_context_length": 131072,
                "format": "gguf",
                "loaded_instances": [{"id": MODEL, "config": {"context_length": 131072}}],
                "capabilities": {"vision": False, "trained_for_tool_use": False},
            }
        ]
    },
}


async def main() -> None:
    """Listens on the port of the command line."""
    server = await asyncio.start_server(Server().serve, "127.0.0.1", int(sys.argv[1]))
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
