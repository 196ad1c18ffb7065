"""A model server of the tests' own, on a real socket: it does what the question's first word says.

Owns: LM Studio's two routes that a chat needs, the count of open answers, the requests it got.
Words: `hold` says nothing until the caller leaves, `endless` never ends, `think` reasons first,
`tool` calls one of the caller's, `plan` does so after reasoning, `break` cuts the connection in
mid-answer, `html` answers with markup and a foreign picture, `flood` says `FLOOD` as fast as it
goes.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from tests.running import free_port, wait_until

MODEL = "tiny-test"
SEES = "tiny-eyes"  # not loaded yet; it takes pictures
HTML = "<img src='http://pictures.invalid/x.png'> <script>alert(1)</script> **bold** and $$x^2$$\n"
LONG = (
    "## A heading\n\nSome words with **weight**, a list:\n\n- one\n- two\n\n"
    "```python\ndef f(x):\n    return x + 1\n```\n\n| a | b |\n|---|---|\n| 1 | 2 |\n"
)
# 10,000 tokens in paragraphs of fifty.
FLOOD = [f"w{n}" + ("\n\n" if n % 50 == 49 else " ") for n in range(10_000)]


class Upstream:
    """The server; `bodies` are the chat requests so far, `open` how many answers are under way."""

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self.bodies: list[dict[str, Any]] = []
        self.open = 0
        self.may_load = threading.Event()
        self.may_load.set()
        self._server = uvicorn.Server(
            uvicorn.Config(
                Starlette(
                    routes=[
                        Route("/lmstudio-greeting", self._greet),
                        Route("/api/v1/models", self._native_models),
                        Route("/v1/models", self._models),
                        Route("/api/v1/chat", self._load, methods=["POST"]),
                        Route("/v1/chat/completions", self._chat, methods=["POST"]),
                    ]
                ),
                host="127.0.0.1",
                port=port,
                log_level="critical",
                timeout_graceful_shutdown=1,
            )
        )
        self._thread = threading.Thread(target=self._server.run, daemon=True)

    def start(self) -> None:
        self._thread.start()
        wait_until(lambda: self._server.started, "the fake model server to start")

    def stop(self) -> None:
        self._server.should_exit = True
        self._thread.join(10)

    async def _greet(self, _: Request) -> Response:
        return JSONResponse({"lmstudio": True})

    async def _models(self, _: Request) -> Response:
        return JSONResponse({"object": "list", "data": [{"id": MODEL, "object": "model"}]})

    async def _native_models(self, _: Request) -> Response:
        model = {
            "type": "llm",
            "publisher": "lectern",
            "key": MODEL,
            "display_name": "Tiny Test",
            "quantization": {"name": "Q4_K_M", "bits_per_weight": 4},
            "size_bytes": 5_000_000,
            "params_string": "5M",
            "max_context_length": 4096,
            "format": "gguf",
            "loaded_instances": [{"id": MODEL, "config": {"context_length": 2048}}],
            "capabilities": {"vision": False, "trained_for_tool_use": False},
        }
        sees = {
            "key": SEES,
            "display_name": "Tiny Eyes",
            "loaded_instances": [],
            "capabilities": {"vision": True, "trained_for_tool_use": False},
        }
        return JSONResponse({"models": [model, model | sees]})

    async def _load(self, _: Request) -> Response:
        """LM Studio's own chat route, as far as it tells how much of a model is loaded."""

        async def steps() -> AsyncIterator[str]:
            yield 'data: {"type": "model_load.progress", "progress": 0.42}\n\n'
            while not self.may_load.is_set():  # noqa: ASYNC110 (the other side is a thread)
                await asyncio.sleep(0.005)
            yield 'data: {"type": "model_load.end"}\n\n'

        return StreamingResponse(steps(), media_type="text/event-stream")

    async def _chat(self, request: Request) -> Response:
        body = await request.json()
        self.bodies.append(body)
        return StreamingResponse(self._answer(body), media_type="text/event-stream")

    async def _answer(self, body: dict[str, Any]) -> AsyncIterator[str]:
        self.open += 1
        try:
            async for delta in _deltas(_words(body["messages"][-1]["content"])):
                yield _event({"choices": [{"index": 0, "delta": delta, "finish_reason": None}]})
            yield _event({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
            usage = {"prompt_tokens": 12, "completion_tokens": 5, "total_tokens": 17}
            yield _event({"choices": [], "usage": usage})
            yield "data: [DONE]\n\n"
        finally:
            self.open -= 1


def _words(content: str | list[dict[str, Any]]) -> str:
    return content if isinstance(content, str) else str(content[0]["text"])


async def _deltas(question: str) -> AsyncIterator[dict[str, Any]]:
    word = question.split()[0].lower()
    if word == "hold":
        await asyncio.Event().wait()
    if word in ("think", "plan"):
        for token in ("First ", "I ", "wonder."):
            yield {"reasoning_content": token}
            await asyncio.sleep(0.02)
    if word == "flood":
        for token in FLOOD:
            yield {"content": token}
        return
    if word in ("tool", "plan"):
        function = {"name": "get_weather", "arguments": '{"city": "Bern"}'}
        yield {"tool_calls": [{"index": 0, "id": "c1", "type": "function", "function": function}]}
        return
    if word == "break":
        for token in ("It ", "was ", "going "):
            yield {"content": token}
            await asyncio.sleep(0.02)
        raise ConnectionAbortedError("cut on purpose")
    count = 0
    while word == "endless":
        count += 1
        yield {"content": f"word{count} "}
        await asyncio.sleep(0.02)
    text = {"html": HTML, "long": LONG}.get(word, f"You asked: {question}")
    for token in text.split(" "):
        yield {"content": token + " "}
        await asyncio.sleep(0.005)


def _event(chunk: dict[str, Any]) -> str:
    whole = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": MODEL, **chunk}
    return f"data: {json.dumps(whole)}\n\n"


@contextmanager
def upstream(port: int | None = None) -> Iterator[Upstream]:
    """Runs the server for the block, on `port` or a free one."""
    server = Upstream(port or free_port())
    server.start()
    try:
        yield server
    finally:
        with contextlib.suppress(RuntimeError):
            server.stop()


async def until(condition: Callable[[], bool], timeout_s: float = 60.0) -> None:
    """Polls inside a running loop; TimeoutError at the deadline."""
    async with asyncio.timeout(timeout_s):
        while not condition():  # noqa: ASYNC110 (the other side is a thread or a socket)
            await asyncio.sleep(0.005)
