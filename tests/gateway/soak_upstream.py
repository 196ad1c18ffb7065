"""A fast model server for the soak, a process of its own: `python -m tests.gateway.soak_upstream`.

Answers, or fails, by the model's name: the endings of `soak_endings`. It prints its port. `GET
/open` tells how many other connections it holds. Owns bytes only; slow is 20 ms.
"""

from __future__ import annotations

import asyncio
from typing import cast

import orjson
import uvloop

from tests.gateway.model_answers import ANSWERS, ModelAnswer
from tests.gateway.soak_endings import ENDINGS

LATER_S = 0.02
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
STREAM = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"


def _listed(name: str) -> dict[str, object]:
    """As LM Studio lists a model; for a slow one people have to wait in line."""
    config = {"parallel": 1 if name.startswith("slow") else 8}
    return {"key": name, "loaded_instances": [{"id": name, "config": config}]}


NAMES = [ending.name for ending in ENDINGS]
LISTS = {
    b"/v1/models": orjson.dumps({"data": [{"id": name} for name in NAMES]}),
    b"/api/v1/models": orjson.dumps({"models": [_listed(name) for name in NAMES]}),
}
NO_MODEL = b'{"error": "\'messages\' field is required"}'
held: set[asyncio.Transport] = set()


class Exchange(asyncio.Protocol):
    """One connection: a request at a time, told apart by its Content-Length."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._kept = b""
        self._timer: asyncio.TimerHandle | None = None
        held.add(self._transport)

    def connection_lost(self, _exc: Exception | None) -> None:
        held.discard(self._transport)
        if self._timer is not None:
            self._timer.cancel()

    def data_received(self, data: bytes) -> None:
        self._kept += data
        head, end, body = self._kept.partition(b"\r\n\r\n")
        if not end:
            return
        _, _, after = head.lower().partition(b"content-length:")
        length = int(after.split(b"\r\n", 1)[0]) if after else 0
        if len(body) < length:
            return
        self._kept = b""
        method, path, _ = head.split(b" ", 2)
        if method == b"GET":
            more = orjson.dumps(len(held) - 1) if path == b"/open" else b"{}"
            self._whole(LISTS.get(path, more))
        else:
            document = orjson.loads(body)
            self._answer(ANSWERS[path.decode()], document["model"], bool(document.get("stream")))

    def _answer(self, answer: ModelAnswer, model: str, stream: bool) -> None:
        act = getattr(self, "_" + model.removesuffix("-streamed").replace("-", "_"), None)
        if model.startswith("slow"):
            self._timer = asyncio.get_running_loop().call_later(LATER_S, self._good, answer, stream)
        elif act is None:
            self._good(answer, stream)
        else:
            act(answer, stream)

    def _whole(self, body: bytes, status: bytes = b"200 OK") -> None:
        self._write(HEAD.replace(b"200 OK", status) % len(body) + body)

    def _good(self, answer: ModelAnswer, stream: bool) -> None:
        if stream:
            self._write(STREAM, *map(_chunk, answer.events), _chunk(b""))
        else:
            self._whole(answer.whole)

    def _dies_before(self, _answer: ModelAnswer, _stream: bool) -> None:
        self._transport.close()

    def _dies_midway(self, answer: ModelAnswer, stream: bool) -> None:
        if stream:
            self._write(STREAM, _chunk(answer.events[0]))
        else:
            self._write(HEAD % len(answer.whole), answer.whole[:20])
        self._transport.close()

    def _cut_silently(self, answer: ModelAnswer, _stream: bool) -> None:
        self._write(STREAM, *map(_chunk, answer.events[:2]), _chunk(b""))

    def _nonsense(self, answer: ModelAnswer, stream: bool) -> None:
        if stream:
            self._write(STREAM, _chunk(answer.events[0]), _chunk(b"data: {\n\n"), _chunk(b""))
        else:
            self._whole(b"<html>")

    def _no_http(self, _answer: ModelAnswer, _stream: bool) -> None:
        self._write(b"\x00\x00\x00")
        self._transport.close()

    def _refuses(self, _answer: ModelAnswer, _stream: bool) -> None:
        self._whole(NO_MODEL, b"400 Bad Request")

    def _fails(self, _answer: ModelAnswer, _stream: bool) -> None:
        self._whole(b"<html>Oops</html>", b"500 Internal Server Error")

    def _left_early(self, _answer: ModelAnswer, _stream: bool) -> None:
        pass

    def _left_midway(self, answer: ModelAnswer, _stream: bool) -> None:
        self._write(STREAM)
        self._flow(_chunk(answer.events[0]))

    def _flow(self, event: bytes) -> None:
        self._write(event)
        self._timer = asyncio.get_running_loop().call_later(LATER_S, self._flow, event)

    def _write(self, *pieces: bytes) -> None:
        self._transport.write(b"".join(pieces))


def _chunk(data: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(data), data)


async def main() -> None:
    """Serves until it is ended."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Exchange, "127.0.0.1", 0, backlog=1024)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(main())
