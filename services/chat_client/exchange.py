"""The last turn as the model server saw it: the exact request, and the frames that came back.

Owns: recording both from the HTTP client, their bounds, and hiding keys and long pictures. It
changes nothing of what goes over the wire.
"""

from __future__ import annotations

import json
import threading
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from contextlib import aclosing, contextmanager
from contextvars import ContextVar
from functools import partial
from typing import Any

from chat_client.messages import Stats

WRITTEN = ("http11.send_request_body.complete", "http11.send_request_body.failed")
HEAD_BYTES, TAIL_BYTES = 192 * 1024, 64 * 1024
LONGEST_URL = 96  # characters of a picture's data URL that are shown
HIDDEN = "(hidden)"


class Exchange:
    """One request and what came back; empty until a request was sent."""

    def __init__(self) -> None:
        self.method = ""
        self.url = ""
        self.request: dict[str, Any] = {}
        self.headers: dict[str, str] = {}
        self.status: int | None = None
        self.left_out_bytes = 0
        self.comment = ""  # The last one of the stream: what the gateway waits for.
        self.sent = threading.Event()
        self.so_far: Callable[[], Stats | None] = lambda: None  # an answer's numbers until now
        self._head: list[bytes] = []
        self._head_bytes = 0
        self._tail: deque[bytes] = deque()
        self._tail_bytes = 0
        self._key = ""

    @property
    def truncated(self) -> bool:
        return self.left_out_bytes > 0

    @property
    def request_text(self) -> str:
        """The request's body as JSON for a page."""
        return json.dumps(self.request, indent=2, ensure_ascii=False)

    @property
    def frames(self) -> str:
        """The raw frames as they came; of a long answer the beginning and the end."""
        middle = f"\n\n… {self.left_out_bytes:,} bytes left out …\n\n" if self.truncated else ""
        parts = (b"".join(self._head), b"".join(self._tail))
        head, tail = (part.decode("utf-8", errors="replace") for part in parts)
        return self._without_key(head + middle + tail)

    def take_request(self, request: Any) -> None:
        """Takes down what is about to be sent."""
        self.method, self.url = request.method, str(request.url)
        self._key = request.headers.get("authorization", "").removeprefix("Bearer ")
        self.headers = {
            name: f"Bearer {HIDDEN}" if name == "authorization" else value
            for name, value in request.headers.items()
        }
        body = json.loads(request.content or b"{}")
        self.request = shortened(body)
        request.extensions["trace"] = self._take_step

    async def _take_step(self, step: str, _: dict[str, Any]) -> None:
        """Called by the HTTP client at each step of a request."""
        if step in WRITTEN:
            self.sent.set()

    def take_response(self, response: Any) -> None:
        """Takes down what comes back, as it comes."""
        self.status = response.status_code
        # The SDK brings an HTTP library of its own: nothing here depends on its classes.
        response.aiter_raw = partial(self._recorded, response.aiter_raw)

    async def _recorded(
        self, raw: Callable[..., AsyncGenerator[bytes, None]], *arguments: Any, **named: Any
    ) -> AsyncGenerator[bytes, None]:
        async with aclosing(raw(*arguments, **named)) as stream:
            async for data in stream:
                self._take_bytes(data)
                yield data

    def _take_bytes(self, data: bytes) -> None:
        if data.startswith(b":"):
            self.comment = data.decode("utf-8", errors="replace")
        if self._head_bytes < HEAD_BYTES:
            self._head.append(data)
            self._head_bytes += len(data)
            return
        self._tail.append(data)
        self._tail_bytes += len(data)
        while self._tail_bytes - len(self._tail[0]) >= TAIL_BYTES:
            gone = len(self._tail.popleft())
            self._tail_bytes -= gone
            self.left_out_bytes += gone

    def _without_key(self, text: str) -> str:
        return text.replace(self._key, HIDDEN) if len(self._key) >= 8 else text


_record: ContextVar[Exchange | None] = ContextVar("record", default=None)


@contextmanager
def recorded(record: Exchange | None) -> Iterator[None]:
    """Writes down in `record` what is sent within; what comes back is, too, as it is read later."""
    token = _record.set(record)
    try:
        yield
    finally:
        _record.reset(token)


async def _request_hook(request: Any) -> None:
    if (record := _record.get()) is not None:
        record.take_request(request)


async def _response_hook(response: Any) -> None:
    if (record := _record.get()) is not None:
        record.take_response(response)


# With these an HTTP client that all answers share records each one's exchange.
HOOKS: dict[str, list[Callable[..., Awaitable[None]]]] = {
    "request": [_request_hook],
    "response": [_response_hook],
}


def shortened(value: Any) -> Any:
    """The same document with each picture's data URL cut short."""
    if isinstance(value, dict):
        return {name: shortened(part) for name, part in value.items()}
    if isinstance(value, list):
        return [shortened(part) for part in value]
    if isinstance(value, str) and value.startswith("data:") and len(value) > LONGEST_URL:
        return f"{value[:LONGEST_URL]}… ({len(value):,} characters)"
    return value
