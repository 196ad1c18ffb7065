"""Loading and unloading models, with what can be told of how far it is.

Owns: LM Studio's native routes for it. Its chat route tells the share that is loaded and loads as
a question would (the model may make room for the next one later); its load route keeps the model
until it is unloaded and tells nothing on the way. https://lmstudio.ai/docs/developer/rest
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

import httpx

from chat_client import diagnosis
from chat_client.connection import lookup_connection
from chat_client.settings import ChatSettings

TICK_S = 0.5
LOADING = ("chat.start", "model_load.start", "model_load.progress")


@dataclass(frozen=True, slots=True)
class LoadProgress:
    """How far a load is: a share from 0 to 1 or None (not told), and the seconds so far."""

    share: float | None
    seconds: float
    done: bool = False


async def load_model(
    settings: ChatSettings, model: str, context_length: int | None = None, *, keep: bool = False
) -> AsyncGenerator[LoadProgress, None]:
    """Loads a model and yields at least twice a second, the last time when it is loaded.

    With `keep` it stays until `unload_model`, as a further instance where one is loaded already;
    through the gateway that takes the scope models:manage. Raises ChatError.
    """
    began, share = time.monotonic(), None
    steps = _kept(settings, model, context_length) if keep else _asked(settings, model)
    async with aclosing(steps) as shares:
        following = asyncio.create_task(_next(shares))
        try:
            while True:
                await asyncio.wait({following}, timeout=TICK_S)
                if following.done():
                    share = following.result()
                    if share is not None and share >= 1:
                        break
                    following = asyncio.create_task(_next(shares))
                yield LoadProgress(share, time.monotonic() - began)
        finally:
            following.cancel()
            await asyncio.gather(following, return_exceptions=True)
    yield LoadProgress(1.0, time.monotonic() - began, done=True)


async def unload_model(settings: ChatSettings, instance_id: str) -> None:
    """Takes a loaded instance out of memory; raises ChatError."""
    await _post(settings, "/api/v1/models/unload", {"instance_id": instance_id})


async def _next(shares: AsyncGenerator[float | None, None]) -> float | None:
    return await anext(shares, 1.0)


async def _kept(
    settings: ChatSettings, model: str, context_length: int | None
) -> AsyncGenerator[float | None, None]:
    yield None
    body: dict[str, Any] = {"model": model}
    body |= {"context_length": context_length} if context_length else {}
    await _post(settings, "/api/v1/models/load", body)


async def _asked(settings: ChatSettings, model: str) -> AsyncGenerator[float | None, None]:
    """The shares that a question of one token tells; it is broken off when the model is there."""
    body = {"model": model, "input": ".", "stream": True, "max_output_tokens": 1, "store": False}
    try:
        async with (
            lookup_connection(settings, settings.chat_read_timeout_s) as client,
            client.stream("POST", "/api/v1/chat", json=body) as response,
        ):
            if "event-stream" not in response.headers.get("content-type", ""):
                await response.aread()
                _refuse(response, settings)
            async for event in _events(response):
                if event.get("type") == "error":
                    text = diagnosis.error_text(event) or ""
                    raise diagnosis.from_server(text, None, settings)
                if event.get("type") not in LOADING:
                    return
                share = event.get("progress")
                yield min(float(share), 0.999) if isinstance(share, (int, float)) else None
    except httpx.HTTPError as error:
        raise diagnosis.from_transport(error, settings, started=False) from error


async def _events(response: httpx.Response) -> AsyncIterator[dict[str, Any]]:
    held = b""
    async for data in response.aiter_bytes():
        *lines, held = (held + data).split(b"\n")
        for line in lines:
            if not line.startswith(b"data:"):
                continue
            try:
                event = json.loads(line[5:])
            except ValueError:
                continue
            if isinstance(event, dict):
                yield event


async def _post(settings: ChatSettings, path: str, body: dict[str, Any]) -> None:
    try:
        async with lookup_connection(settings, settings.chat_read_timeout_s) as client:
            response = await client.post(path, json=body)
    except httpx.HTTPError as error:
        raise diagnosis.from_transport(error, settings, started=False) from error
    _refuse(response, settings)


def _refuse(response: httpx.Response, settings: ChatSettings) -> None:
    """Raises the answer's error, which may come with status 200."""
    try:
        text = diagnosis.error_text(response.json())
    except ValueError:
        text = None
    if text is not None or not response.is_success:
        raise diagnosis.from_server(text or "", response.status_code, settings)
