"""The request's story: who answers, wait for a slot, ask llama.cpp, relay, let go.

One object per request. It runs inside the response itself, so that it watches the caller from the
first moment: when the caller leaves (waiting, before the first token, in a stream or not) the task
is cancelled, which closes the connection to llama.cpp, which stops generating and frees the slot.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import orjson
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from engine.catalogue import Catalogue, Instance
from engine.dialect import Dialect
from engine.errors import Family, Refusal, from_llama, render
from engine.pace import Pace
from engine.wire import Event, pretty, read_events

JSON_TYPE = b"application/json; charset=utf-8"
UNLOADED = "Model unloaded."
TERMINATED = "terminated"
log = logging.getLogger(__name__)


class Answer(Response):
    """Answers one request for a prediction or an embedding."""

    def __init__(
        self,
        dialect: Dialect,
        catalogue: Catalogue,
        client: aiohttp.ClientSession,
        tokens_per_second: float,
    ) -> None:
        self.background = None
        self._dialect = dialect
        self._catalogue = catalogue
        self._client = client
        self._tokens_per_second = tokens_per_second
        self._begun = False
        self._status = 0
        self._tokens = 0
        self._answered_by = "-"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        begin = time.perf_counter()
        work = asyncio.create_task(self._run(send))
        gone = asyncio.create_task(_caller_left(receive))
        outcome = "failed"
        try:
            await asyncio.wait({work, gone}, return_when=asyncio.FIRST_COMPLETED)
            outcome = "answered" if work.done() else "caller left"
        finally:
            work.cancel()
            gone.cancel()
            results = await asyncio.gather(work, gone, return_exceptions=True)
            log.info(
                'outcome="%s" route=%s model=%s status=%d tokens=%d seconds=%.2f',
                *(outcome, scope["path"], self._answered_by, self._status, self._tokens),
                time.perf_counter() - begin,
            )
        if isinstance(results[0], Exception):
            raise results[0]

    @property
    def _in_stream(self) -> bool:
        """LM Studio sends llama.cpp's refusals inside a 200 stream, Anthropic's route excepted."""
        return self._dialect.stream and self._dialect.family is not Family.ANTHROPIC

    async def _run(self, send: Send) -> None:
        try:
            await self._answer(send)
        except Refusal as refusal:
            await self._refuse(send, refusal)

    async def _answer(self, send: Send) -> None:
        """The story itself."""
        dialect = self._dialect
        request = dialect.request()
        answering = await self._catalogue.answering(dialect.model, dialect.embedding)
        dialect.begin(answering)
        instance = answering.instance
        self._answered_by = instance.id
        task: asyncio.Task[Any] | None = asyncio.current_task()
        assert task is not None  # noqa: S101 (always inside a task)
        instance.tasks.add(task)
        try:
            async with instance.slots.hold():
                await self._ask(send, instance, request)
        except asyncio.CancelledError:
            if not instance.unloaded:
                raise
            raise Refusal(UNLOADED) from None
        finally:
            instance.tasks.discard(task)

    async def _ask(self, send: Send, instance: Instance, request: dict[str, Any]) -> None:
        llama = instance.llama
        url = llama.url + self._dialect.upstream
        post = self._client.post(
            url, data=orjson.dumps(request), headers=llama.headers, allow_redirects=False
        )
        try:
            response = await post
        except aiohttp.ClientError as error:
            raise Refusal("Engine protocol predict request failed: fetch failed") from error
        try:
            if response.status != 200:
                refusal = from_llama(response.status, await response.text())
                await self._refuse(send, refusal, in_stream=self._in_stream)
            elif self._dialect.stream:
                await self._relay(send, response)
            else:
                body = await self._whole(response)
                self._tokens = _tokens(body)
                await self._send_whole(send, 200, self._dialect.reply(body))
        finally:
            # Not release(): an answer that nobody reads must stop llama.cpp at once.
            response.close()

    async def _whole(self, response: aiohttp.ClientResponse) -> dict[str, Any]:
        """llama.cpp's reply in one piece."""
        if self._dialect.assembly is None:
            body: dict[str, Any] = orjson.loads(await response.read())
            return body
        assembly = self._dialect.assembly()
        async for chunk in _chunks(response):
            assembly.add(chunk)
        return assembly.whole()

    async def _relay(self, send: Send, response: aiohttp.ClientResponse) -> None:
        pace = Pace(self._tokens_per_second)
        await self._send_events(send, self._dialect.start(), pace)
        async for chunk in _chunks(response):
            await self._send_events(send, self._dialect.events(chunk), pace)
        await self._send_events(send, self._dialect.end(), pace)
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _send_events(self, send: Send, events: Any, pace: Pace) -> None:
        for event in events:
            await pace.wait(event.tokens)
            await self._send_event(send, event)

    async def _send_event(self, send: Send, event: Event) -> None:
        if not self._begun:
            await self._begin(send, 200, b"text/event-stream")
        self._tokens += event.tokens
        await send({"type": "http.response.body", "body": event.encode(), "more_body": True})

    async def _send_whole(self, send: Send, status: int, body: Any) -> None:
        data = pretty(body)
        await self._begin(send, status, JSON_TYPE, len(data))
        await send({"type": "http.response.body", "body": data, "more_body": False})

    async def _begin(self, send: Send, status: int, kind: bytes, length: int | None = None) -> None:
        self._begun = True
        self._status = status
        headers = [(b"content-type", kind)]
        if length is None:
            headers.append((b"cache-control", b"no-cache"))
        else:
            headers.append((b"content-length", str(length).encode()))
        await send({"type": "http.response.start", "status": status, "headers": headers})

    async def _refuse(self, send: Send, refusal: Refusal, in_stream: bool = False) -> None:
        """A plain error reply; once a stream has begun (or would have) an event in it."""
        if not self._begun and not in_stream:
            status, body = render(refusal, self._dialect.family)
            await self._send_whole(send, status, body)
            return
        for event in self._dialect.failed(refusal.message):
            await self._send_event(send, event)
        await send({"type": "http.response.body", "body": b"", "more_body": False})


def _tokens(body: dict[str, Any]) -> int:
    """Tokens that a whole reply of llama.cpp cost to make, for the log."""
    counts = body.get("usage") or {}
    return int(counts.get("completion_tokens", counts.get("output_tokens", 0)))


async def _chunks(response: aiohttp.ClientResponse) -> AsyncIterator[dict[str, Any]]:
    """llama.cpp's chunks; raises Refusal for an error among them and for a stream cut off."""
    try:
        async for chunk in read_events(response.content.iter_any()):
            if "error" in chunk:
                raise Refusal(str(chunk["error"].get("message", chunk["error"])), status=500)
            yield chunk
    except (aiohttp.ClientError, ValueError) as error:
        raise Refusal(TERMINATED, status=500) from error


async def _caller_left(receive: Receive) -> None:
    """Returns when the caller has closed the connection."""
    while (await receive())["type"] != "http.disconnect":
        pass
