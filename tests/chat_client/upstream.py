"""A model server of our own that misbehaves on demand, on a real socket.

Owns: what LM Studio's routes answer (JSON by path), a script for each streamed answer (chunks,
pauses, errors, a cut), and the record of who asked and who left. Shapes and faults follow LM
Studio's documentation and its public bug tracker.
"""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

DONE = b"data: [DONE]\n\n"
HEAD = (
    "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n"
    "Connection: close\r\n\r\n"
)


@dataclass(frozen=True)
class Pause:
    """Waits before the next part."""

    seconds: float


class Hang:
    """Sends nothing more, for as long as the caller stays."""


class Cut:
    """Closes the connection in the middle of the body."""


class End:
    """Ends the body properly, wherever it is."""


Part = bytes | Pause | Hang | Cut | End


def event(data: object, name: str = "") -> bytes:
    head = f"event: {name}\n" if name else ""
    return f"{head}data: {json.dumps(data)}\n\n".encode()


def chunk(
    content: str | None = None, finish: str | None = None, model: str = "tiny", **delta: Any
) -> bytes:
    body = delta | ({} if content is None else {"content": content})
    choice = {"index": 0, "delta": body, "logprobs": None, "finish_reason": finish}
    frame = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": model}
    return event(frame | {"choices": [choice]})


def usage(prompt: int, completion: int) -> bytes:
    numbers = {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
    }
    frame = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "tiny"}
    return event(frame | {"choices": [], "usage": numbers})


def spoken(text: str, pause_s: float = 0.0) -> list[Part]:
    """A whole good answer, one word a chunk."""
    words = text.split(" ")
    parts: list[Part] = []
    for number, word in enumerate(words):
        parts += [chunk(word if number == 0 else f" {word}"), Pause(pause_s)]
    return [*parts, chunk(finish="stop"), usage(5, len(words)), DONE]


def native_model(key: str = "tiny", **more: Any) -> dict[str, Any]:
    """One entry of LM Studio's GET /api/v1/models, loaded."""
    return {
        "type": "llm",
        "publisher": "lectern",
        "key": key,
        "display_name": key.title(),
        "quantization": {"name": "Q8_0", "bits_per_weight": 8},
        "size_bytes": 1_000_000,
        "params_string": "4M",
        "loaded_instances": [{"id": key, "config": {"context_length": 1024}}],
        "max_context_length": 2048,
        "format": "gguf",
        "capabilities": {"vision": False, "trained_for_tool_use": False},
    } | more


def unknown_route(method: str, path: str) -> dict[str, str]:
    return {"error": f"Unexpected endpoint or method. ({method} {path})"}


@dataclass
class Upstream:
    """The running server; set `script` and `routes` before asking it."""

    port: int
    script: Callable[[dict[str, Any]], list[Part]] = lambda _: spoken("A token is a piece of text.")
    routes: dict[str, tuple[int, Any]] = field(default_factory=dict)
    requests: list[dict[str, Any]] = field(default_factory=list)
    headers: list[str] = field(default_factory=list)
    active: int = 0
    abandoned: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            with suppress(ConnectionError, asyncio.IncompleteReadError):
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                self.headers.append(head)
                method, path, _ = head.split(" ", 2)
                length = next(
                    (
                        int(line[15:])
                        for line in head.split("\r\n")
                        if line[:15].lower() == "content-length:"
                    ),
                    0,
                )
                body = await reader.readexactly(length)
                if path in self.routes or method == "GET":
                    await self._answer_json(writer, method, path)
                else:
                    await self._answer_stream(reader, writer, json.loads(body))
        finally:
            writer.close()

    async def _answer_json(self, writer: asyncio.StreamWriter, method: str, path: str) -> None:
        status, body = self.routes.get(path, (200, unknown_route(method, path)))
        content = json.dumps(body, indent=2).encode()
        head = f"HTTP/1.1 {status} X\r\nContent-Type: application/json; charset=utf-8\r\n"
        writer.write(f"{head}Content-Length: {len(content)}\r\nConnection: close\r\n\r\n".encode())
        writer.write(content)
        await writer.drain()

    async def _answer_stream(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, body: dict[str, Any]
    ) -> None:
        self.requests.append(body)
        self.active += 1
        speech = asyncio.ensure_future(self._speak(writer, self.script(body)))
        leaving = asyncio.ensure_future(reader.read())
        await asyncio.wait({speech, leaving}, return_when=asyncio.FIRST_COMPLETED)
        if not speech.done():
            self.abandoned += 1
        for task in (speech, leaving):
            task.cancel()
        await asyncio.gather(speech, leaving, return_exceptions=True)
        self.active -= 1

    async def _speak(self, writer: asyncio.StreamWriter, parts: list[Part]) -> None:
        started = False
        for part in [*parts, End()]:
            if isinstance(part, Pause):
                await asyncio.sleep(part.seconds)
            elif isinstance(part, Hang):
                await asyncio.Event().wait()
            elif isinstance(part, Cut):
                writer.transport.abort()
                return
            else:
                data = part if isinstance(part, bytes) else b""
                writer.write(b"" if started else HEAD.encode())
                writer.write(b"%x\r\n%s\r\n" % (len(data), data))
                started = True
                await writer.drain()
                if isinstance(part, End):
                    return


@contextmanager
def upstream(port: int = 0) -> Iterator[Upstream]:
    """Runs the server in a thread of its own, on `port` or on a free one."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="upstream", daemon=True)
    thread.start()
    state = Upstream(port)
    state.routes["/api/v1/models"] = (200, {"models": [native_model()]})
    state.routes["/lmstudio-greeting"] = (200, {"lmstudio": True})
    listening = asyncio.start_server(state.serve, "127.0.0.1", port)
    server = asyncio.run_coroutine_threadsafe(listening, loop).result(10)
    state.port = int(server.sockets[0].getsockname()[1])
    try:
        yield state
    finally:
        asyncio.run_coroutine_threadsafe(_end(server), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()


async def _end(server: asyncio.Server) -> None:
    """Stops listening and drops every open connection, as a killed server would.

    Whoever was accepted just now gets its transport first (a task, a callback, a task): asyncio
    closes no socket whose connection has not begun when the server ends, and the collector says so
    in whichever test comes next.
    """
    for listener in server.sockets:
        asyncio.get_running_loop().remove_reader(listener)
    for _ in range(3):
        await asyncio.sleep(0)
    server.close()
    tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await asyncio.sleep(0)  # The loop closes a transport's socket in its next turn.
