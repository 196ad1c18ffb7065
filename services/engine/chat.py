"""/v1/chat/completions and /api/v0/chat/completions: OpenAI's chat as LM Studio speaks it.

Differences from llama.cpp's own: the model's id instead of the build as `system_fingerprint`,
always `logprobs: null` and `tool_calls`, `stats`, the role in the first delta together with text,
an empty delta before the finish chunk, usage in a stream only when asked for, no timings.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Any, ClassVar

from engine import dialect
from engine.assembly import Assembly, ChatAssembly
from engine.catalogue import Answering
from engine.conversation import check_options, checked_messages, limit, refuse_images
from engine.dialect import Json, new_id
from engine.errors import Family
from engine.wire import DONE, Event


class Chat:
    """One chat request. `native` adds what /api/v0 adds to a whole reply."""

    family: ClassVar[Family] = Family.OPENAI
    upstream: ClassVar[str] = "/v1/chat/completions"
    embedding: ClassVar[bool] = False
    assembly: ClassVar[type[Assembly] | None] = ChatAssembly

    def __init__(self, body: Json, native: bool = False) -> None:
        self.body = body
        self.native = native
        self.model = str(body.get("model") or "")
        self.stream = body.get("stream") is True
        self.id = new_id("chatcmpl-")
        self.created = int(time.time())
        options = body.get("stream_options")
        self._wants_usage = isinstance(options, dict) and options.get("include_usage") is True
        self._role_sent = False
        self._reasoning_tokens = 0
        self._usage: Json | None = None
        self._messages: list[Json] = []

    def request(self) -> Json:
        self._messages = checked_messages(self.body.get("messages"))
        check_options(self.body)
        return dialect.passed_on(self.body) | {"messages": self._messages} | dialect.STREAMED

    def begin(self, answering: Answering) -> None:
        self.model = answering.name
        self.instance = answering.instance
        refuse_images(self._messages, self.model)

    def reply(self, answer: Json) -> Json:
        choice = answer["choices"][0]
        reply = {
            "id": self.id,
            "object": "chat.completion",
            "created": self.created,
            "model": self.model,
            "choices": [
                {
                    "index": 0,
                    "message": _message(choice["message"]),
                    "logprobs": None,
                    "finish_reason": choice["finish_reason"],
                }
            ],
            "usage": dialect.usage(answer.get("usage"), answer.get("reasoning_tokens", 0)),
            "stats": {},
            "system_fingerprint": self.model,
        }
        return reply | self._native_part(answer, choice["finish_reason"]) if self.native else reply

    def _native_part(self, answer: Json, finish_reason: str | None) -> Json:
        instance = self.instance
        info = dialect.model_info(instance.model.card, instance.config.context_length)
        measured = dialect.stats(answer, finish_reason, limit(self.body))
        return {"stats": measured, "model_info": info, "runtime": dialect.runtime()}

    def start(self) -> Iterable[Event]:
        return ()

    def events(self, chunk: Json) -> Iterable[Event]:
        if chunk.get("usage"):
            self._usage = chunk["usage"]
        for choice in chunk.get("choices", ()):
            delta = {key: value for key, value in choice["delta"].items() if value is not None}
            delta.pop("role", None)
            if delta:
                self._reasoning_tokens += "reasoning_content" in delta
                yield self._chunk(delta, None, tokens=1)
            if choice.get("finish_reason"):
                yield self._chunk({"content": ""}, None)
                yield self._chunk({}, choice["finish_reason"])

    def end(self) -> Iterable[Event]:
        if self._wants_usage:
            counts = dialect.usage(self._usage, self._reasoning_tokens)
            yield Event(self._envelope([]) | {"usage": counts})
        yield DONE

    def failed(self, message: str) -> Iterable[Event]:
        return dialect.openai_failure(message)

    def _chunk(self, delta: Json, finish_reason: str | None, tokens: int = 0) -> Event:
        if not self._role_sent:
            self._role_sent = True
            delta = {"role": "assistant"} | delta
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish_reason}
        return Event(self._envelope([choice]), tokens=tokens)

    def _envelope(self, choices: list[Json]) -> Json:
        return {
            "id": self.id,
            "object": "chat.completion.chunk",
            "created": self.created,
            "model": self.model,
            "system_fingerprint": self.model,
            "choices": choices,
        }


def _message(message: Json) -> dict[str, Any]:
    """The assistant's message with LM Studio's fields in its order."""
    result: Json = {"role": "assistant", "content": message.get("content") or ""}
    if message.get("reasoning_content"):
        result["reasoning_content"] = message["reasoning_content"]
    return result | {"tool_calls": message.get("tool_calls") or []}
