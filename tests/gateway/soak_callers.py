"""The callers of the soak: many at once in one event loop, on sockets of their own.

Owns what a caller does and sees: it asks, reads to the end, or leaves. A library would cost more
than the gateway that is soaked.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections import Counter
from collections.abc import Mapping

import orjson

from tests.gateway.soak_endings import ENDINGS, ERROR_EVENT, LEFT, Ending

AT_ONCE = 32
PATIENCE_S = 120.0
Seen = Counter[tuple[str, str]]  # an ending's name and what its caller saw, with how often


class Crowd:
    """Everybody who asks. `keys` by the names in the endings."""

    def __init__(self, port: int, keys: Mapping[str, str], seed: int) -> None:
        self._port = port
        self._keys = keys
        self._chance = random.Random(seed)  # noqa: S311 (no secret)
        self.seen: Seen = Counter()

    async def ask(self, times: int) -> None:
        """Makes that many requests, of every ending by its share, in an order by chance."""
        shares = [ending.share for ending in ENDINGS]
        todo = self._chance.choices(ENDINGS, shares, k=times)
        async with asyncio.TaskGroup() as group:
            for _ in range(AT_ONCE):
                group.create_task(self._go_on_asking(todo))

    async def _go_on_asking(self, todo: list[Ending]) -> None:
        caller = Caller(self._port)
        try:
            while todo:
                ending = todo.pop()
                async with asyncio.timeout(PATIENCE_S):
                    seen = await self._one(caller, ending)
                self.seen[ending.name, seen] += 1
        finally:
            caller.leave()

    async def _one(self, caller: Caller, ending: Ending) -> str:
        head, body = self._request(ending)
        if ending.name == "left-uploading":
            await caller.send(head, body[:20])
            return await caller.leave_after(self._chance.random() / 100)
        await caller.send(head, body)
        if ending.name == "left-early":
            return await caller.leave_after(self._chance.random() / 20)
        if ending.name == "left-midway":
            await caller.read_until(b"\n\n")
            return await caller.leave_after(0)
        if ending.name == "slow-and-left":
            return await caller.read(self._chance.random() / 20)
        return await caller.read()

    def _request(self, ending: Ending) -> tuple[str, bytes]:
        model = "nobody" if ending.name == "no-such-model" else ending.name
        body = orjson.dumps({"model": model, "stream": ending.stream, "messages": ["x" * 200]})
        if ending.name == "bad-body":
            body = body[:-1]
        elif ending.name == "large-body":
            body += b" " * 5000
        key = self._keys.get(ending.key, "")
        lines = [f"POST {ending.path} HTTP/1.1", "Host: x", f"Content-Length: {len(body)}"]
        lines += [f"Authorization: Bearer {key}"] if key else []
        return "\r\n".join((*lines, "", "")), body


class Caller:
    """One connection at a time, kept while the gateway keeps it."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None

    async def send(self, head: str, body: bytes) -> None:
        if self._writer is None:
            self._reader, self._writer = await asyncio.open_connection("127.0.0.1", self._port)
        self._writer.write(head.encode() + body)

    async def read(self, patience_s: float | None = None) -> str:
        """Reads one answer and tells what it was; leaves when it takes longer than that."""
        try:
            async with asyncio.timeout(patience_s):
                return await self._read()
        except TimeoutError:
            self.leave()
            return LEFT
        except (asyncio.IncompleteReadError, ConnectionError):
            self.leave()
            return "cut"

    async def _read(self) -> str:
        head = (await self.read_until(b"\r\n\r\n")).lower()
        assert self._reader is not None
        if b"transfer-encoding: chunked" in head:
            body = await self.read_until(b"\r\n0\r\n\r\n")
        else:
            length = int(head.partition(b"content-length:")[2].split(b"\r\n", 1)[0])
            body = await self._reader.readexactly(length)
        if b"connection: close" in head:
            self.leave()
        failed = b"text/event-stream" in head and b'"error":{' in body
        return ERROR_EVENT if failed else head[9:12].decode()

    async def read_until(self, mark: bytes) -> bytes:
        assert self._reader is not None
        return await self._reader.readuntil(mark)

    async def leave_after(self, seconds: float) -> str:
        await asyncio.sleep(seconds)
        self.leave()
        return LEFT

    def leave(self) -> None:
        if self._writer is not None:
            with contextlib.suppress(OSError):
                self._writer.close()
        self._reader = self._writer = None
