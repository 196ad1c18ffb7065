"""LM Studio's own routes, asked over HTTP as its documentation says.

They have no HTTP SDK, so httpx reads them; `NativeError` is raised where an error is said to stand.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import httpx
import orjson

from tests.gateway.sdks import Sdks, whole


class NativeError(Exception):
    """An error in the shape that LM Studio documents for its own routes."""


def native(path: str, read: Callable[[Any], str]) -> Callable[[Sdks, str], Awaitable[str]]:
    """A call of LM Studio's own routes that is answered in one piece."""

    async def ask(to: Sdks, model: str) -> str:
        answer = await to.native.post(path, json={"model": model, "input": "Hi"})
        _raise_status(answer.status_code, answer.content)
        return read(answer.json())

    return ask


def native_streamed(path: str) -> Callable[[Sdks, str], Awaitable[str]]:
    """The same as events: with types (`/api/v1/chat`) or as chunks of choices (`/api/v0`)."""

    async def ask(to: Sdks, model: str) -> str:
        text, finished = "", False
        body = {"model": model, "input": "Hi", "stream": True}
        async with to.native.stream("POST", path, json=body) as answer:
            if answer.status_code != 200:
                _raise_status(answer.status_code, await answer.aread())
            async for kind, data in _events(answer):
                if data == "[DONE]":
                    return text
                document = orjson.loads(data)
                if "error" in document:
                    # Where events have types, an error is one of them and says so twice.
                    assert path != "/api/v1/chat" or kind == document["type"] == "error"
                    raise NativeError(document["error"]["message"])
                text += _piece(document)
                finished = finished or kind == "chat.end"
        return whole(text, finished)

    return ask


def _piece(document: Any) -> str:
    if document.get("type") == "message.delta":
        return str(document["content"])
    choices = document.get("choices") or []
    return "".join(
        choice["delta"]["content"] if "delta" in choice else choice["text"] for choice in choices
    )


async def _events(answer: httpx.Response) -> AsyncIterator[tuple[str, str]]:
    """The type and data of each event."""
    kept = b""
    async for piece in answer.aiter_bytes():
        *events, kept = (kept + piece).split(b"\n\n")
        for event in events:
            fields = dict(line.split(": ", 1) for line in event.decode().split("\n") if line)
            if "data" in fields:
                yield fields.get("event", ""), fields["data"]


def _raise_status(status: int, body: bytes) -> None:
    if status != 200:
        error = orjson.loads(body)["error"]
        assert {"type", "code", "message", "param"} <= error.keys()
        raise NativeError(f"{status}: {error['message']}")
