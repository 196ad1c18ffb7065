"""Puts a whole reply together from llama.cpp's stream.

llama.cpp is always asked to stream, also for callers who want the reply in one piece: it notices a
closed connection when it writes the next token, whereas for whole replies it looks only after a
second in which no other request got a token, which on a busy server may be never.
"""

from __future__ import annotations

from typing import Any, Protocol

import orjson

Json = dict[str, Any]


class Assembly(Protocol):
    """Collects chunks; `whole` is the reply as llama.cpp would have given it unstreamed."""

    def add(self, chunk: Json) -> None: ...

    def whole(self) -> Json: ...


class ChatAssembly:
    """From chunks of /v1/chat/completions; counts the tokens of reasoning on the way."""

    def __init__(self) -> None:
        self._message: Json = {"role": "assistant", "content": ""}
        self._calls: list[Json] = []
        self._logprobs: list[Json] = []
        self._rest: Json = {}
        self._finish: str | None = None
        self._reasoning_tokens = 0

    def add(self, chunk: Json) -> None:
        self._rest |= {key: chunk[key] for key in ("usage", "timings") if chunk.get(key)}
        for choice in chunk.get("choices", ()):
            delta = choice["delta"]
            self._finish = choice.get("finish_reason") or self._finish
            self._logprobs += (choice.get("logprobs") or {}).get("content") or ()
            for field in ("content", "reasoning_content"):
                if delta.get(field):
                    self._message[field] = self._message.get(field, "") + delta[field]
            self._reasoning_tokens += bool(delta.get("reasoning_content"))
            for call in delta.get("tool_calls") or ():
                self._add_call(call)

    def _add_call(self, call: Json) -> None:
        while len(self._calls) <= call.get("index", 0):
            function = {"name": "", "arguments": ""}
            self._calls.append({"id": "", "type": "function", "function": function})
        known = self._calls[call.get("index", 0)]
        known["id"] = call.get("id") or known["id"]
        for field, text in (call.get("function") or {}).items():
            known["function"][field] = known["function"].get(field, "") + (text or "")

    def whole(self) -> Json:
        message = self._message | ({"tool_calls": self._calls} if self._calls else {})
        choice = {"index": 0, "message": message, "finish_reason": self._finish}
        choice["logprobs"] = {"content": self._logprobs} if self._logprobs else None
        return self._rest | {"choices": [choice], "reasoning_tokens": self._reasoning_tokens}


class CompletionAssembly:
    """From chunks of /v1/completions."""

    def __init__(self) -> None:
        self._text = ""
        self._rest: Json = {}
        self._finish: str | None = None

    def add(self, chunk: Json) -> None:
        self._rest |= {key: chunk[key] for key in ("usage", "timings") if chunk.get(key)}
        for choice in chunk.get("choices", ()):
            self._text += choice.get("text") or ""
            self._finish = choice.get("finish_reason") or self._finish

    def whole(self) -> Json:
        return self._rest | {"choices": [{"text": self._text, "finish_reason": self._finish}]}


class MessageAssembly:
    """From the events of /v1/messages."""

    def __init__(self) -> None:
        self._message: Json = {}
        self._inputs: dict[int, str] = {}

    def add(self, chunk: Json) -> None:
        kind = chunk.get("type")
        if kind == "message_start":
            self._message = chunk["message"]
        elif kind == "content_block_start":
            self._message["content"].append(chunk["content_block"])
        elif kind == "content_block_delta":
            self._add_delta(chunk["index"], chunk["delta"])
        elif kind == "message_delta":
            self._message |= chunk["delta"]
            self._message["usage"] |= chunk["usage"]

    def _add_delta(self, index: int, delta: Json) -> None:
        block = self._message["content"][index]
        if delta["type"] == "input_json_delta":
            self._inputs[index] = self._inputs.get(index, "") + delta["partial_json"]
        for field in ("text", "thinking", "signature"):
            if field in delta:
                block[field] = block.get(field, "") + delta[field]

    def whole(self) -> Json:
        for index, text in self._inputs.items():
            self._message["content"][index]["input"] = orjson.loads(text or "{}")
        return self._message
