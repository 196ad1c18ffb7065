"""Bytes on the wire: pretty JSON replies, server-sent events out, llama.cpp's events in.

Owns framing only. `Event.tokens` says how many tokens an event brings to the reader's eye, which
is what the pace counts.
"""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator
from dataclasses import dataclass
from typing import Any

import orjson
from starlette.responses import Response

MAX_EVENT_BYTES = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Event:
    """One server-sent event: `data` as JSON, or verbatim where it is a str (`[DONE]`)."""

    data: dict[str, Any] | str
    name: str | None = None
    tokens: int = 0

    def encode(self) -> bytes:
        data = self.data.encode() if isinstance(self.data, str) else orjson.dumps(self.data)
        head = b"" if self.name is None else b"event: " + self.name.encode() + b"\n"
        return head + b"data: " + data + b"\n\n"


DONE = Event("[DONE]")


def pretty(body: Any) -> bytes:
    """JSON as LM Studio writes it: indented by two spaces."""
    return orjson.dumps(body, option=orjson.OPT_INDENT_2)


def reply(body: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """A whole JSON reply."""
    kind = "application/json; charset=utf-8"
    return Response(pretty(body), status, headers=headers, media_type=kind)


async def read_events(parts: AsyncIterable[bytes]) -> AsyncIterator[dict[str, Any]]:
    """The JSON objects of llama.cpp's stream; comments, event names and `[DONE]` are left out.

    Raises ValueError for an event larger than MAX_EVENT_BYTES or one that is not JSON.
    """
    rest = b""
    async for part in parts:
        *lines, rest = (rest + part).split(b"\n")
        if len(rest) > MAX_EVENT_BYTES:
            raise ValueError("an event of the stream is too large")
        for line in lines:
            field, _, value = line.partition(b":")
            if field in (b"data", b"error") and value.strip() not in (b"", b"[DONE]"):
                data = orjson.loads(value)
                yield data if field == b"data" else {"error": data}
