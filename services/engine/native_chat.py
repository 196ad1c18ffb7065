"""/api/v1/chat: LM Studio's own stateful chat, with its events for loading and reading the prompt.

Fields and events are those of LM Studio's REST docs (chat and streaming events). Plugins and MCP
servers (`integrations`) are refused: this engine calls nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, ClassVar

from engine.assembly import Assembly, ChatAssembly
from engine.catalogue import Answering
from engine.conversation import checked_messages, refuse_images
from engine.dialect import STREAMED, Json, Measured, new_id
from engine.errors import Family, Refusal
from engine.history import History
from engine.wire import Event

SAMPLING = ("temperature", "top_p", "top_k", "min_p", "repeat_penalty")
KINDS = {"reasoning_content": "reasoning", "content": "message"}


class NativeChat:
    """One request. The reply has a `response_id` unless the caller says `store: false`."""

    family: ClassVar[Family] = Family.NATIVE
    upstream: ClassVar[str] = "/v1/chat/completions"
    embedding: ClassVar[bool] = False
    assembly: ClassVar[type[Assembly] | None] = ChatAssembly

    def __init__(self, body: Json, history: History) -> None:
        self.body = body
        self.model = str(body.get("model") or "")
        self.stream = body.get("stream") is True
        self._history = history
        self._messages: list[Json] = []
        self._output: list[Json] = []
        self._reading = False
        self._reasoning = 0
        self._answer: Json = {}
        self._load_time_s: float | None = None

    def request(self) -> Json:
        if not self.model:
            raise _wrong("model", "'model' field is required")
        if self.body.get("integrations"):
            raise Refusal(
                "This engine has no plugins and calls no MCP server.",
                400,
                kind="not_implemented",
                param="integrations",
            )
        before = self._history.before(self.body.get("previous_response_id"))
        prompt = {"role": "user", "content": _content(self.body.get("input"))}
        self._messages = [*before, *checked_messages([prompt])]
        request = {key: self.body[key] for key in SAMPLING if self.body.get(key) is not None}
        request |= {"messages": self._messages} | STREAMED | {"return_progress": self.stream}
        if self.body.get("system_prompt"):
            system = {"role": "system", "content": self.body["system_prompt"]}
            request["messages"] = [system, *self._messages]
        if self.body.get("max_output_tokens") is not None:
            request["max_tokens"] = self.body["max_output_tokens"]
        if self.body.get("reasoning") not in (None, "off"):
            raise _wrong("reasoning", f"{self.model} does not support this 'reasoning' setting.")
        return request

    def begin(self, answering: Answering) -> None:
        self.model = answering.instance.id
        self._load_time_s = answering.load_time_s
        refuse_images(self._messages, self.model)

    def reply(self, answer: Json) -> Json:
        for _ in self._add(answer["choices"][0]["message"]):
            pass
        self._answer = answer
        return self._result()

    def start(self) -> Iterable[Event]:
        yield _event("chat.start", model_instance_id=self.model)
        if self._load_time_s is not None:
            yield _event("model_load.start", model_instance_id=self.model)
            loaded: Json = {"load_time_seconds": self._load_time_s}
            yield _event("model_load.end", model_instance_id=self.model, **loaded)
        yield _event("prompt_processing.start")
        self._reading = True

    def events(self, chunk: Json) -> Iterable[Event]:
        self._answer |= {key: chunk[key] for key in ("usage", "timings") if chunk.get(key)}
        if progress := chunk.get("prompt_progress"):
            share = progress["processed"] / max(progress["total"], 1)
            yield _event("prompt_processing.progress", progress=share)
            return
        for choice in chunk.get("choices", ()):
            yield from self._add(choice["delta"])

    def end(self) -> Iterable[Event]:
        yield from self._read()
        if self._output:
            yield _event(f"{self._output[-1]['type']}.end")
        yield _event("chat.end", result=self._result())

    def failed(self, message: str) -> Iterable[Event]:
        yield _event("error", error={"type": "internal_error", "message": message})
        yield _event("chat.end", result=self._result())

    def _add(self, delta: Json) -> Iterator[Event]:
        for field, kind in KINDS.items():
            if not delta.get(field):
                continue
            yield from self._read()
            if not self._output or self._output[-1]["type"] != kind:
                if self._output:
                    yield _event(f"{self._output[-1]['type']}.end")
                self._output.append({"type": kind, "content": ""})
                yield _event(f"{kind}.start")
            self._output[-1]["content"] += delta[field]
            self._reasoning += kind == "reasoning"
            yield _event(f"{kind}.delta", tokens=1, content=delta[field])

    def _read(self) -> Iterator[Event]:
        if self._reading:
            self._reading = False
            yield _event("prompt_processing.end")

    def _result(self) -> Json:
        measured = Measured.of(self._answer.get("timings"))
        counts = self._answer.get("usage") or {}
        result: Json = {
            "model_instance_id": self.model,
            "output": self._output,
            "stats": {
                "input_tokens": counts.get("prompt_tokens", 0),
                "total_output_tokens": counts.get("completion_tokens", 0),
                "reasoning_output_tokens": self._answer.get("reasoning_tokens", self._reasoning),
                "tokens_per_second": measured.tokens_per_second,
                "time_to_first_token_seconds": measured.prompt_s,
            },
        }
        if self._load_time_s is not None:
            result["stats"]["model_load_time_seconds"] = self._load_time_s
        if self.body.get("store") is not False:
            result["response_id"] = new_id("resp_")
            said = "".join(item["content"] for item in self._output if item["type"] == "message")
            message = {"role": "assistant", "content": said}
            self._history.keep(result["response_id"], [*self._messages, message])
        return result


def _content(given: Any) -> Any:
    """A string, or parts `{"type": "text", "content"}` and `{"type": "image", "data_url"}`."""
    if isinstance(given, str):
        return given
    if not isinstance(given, list) or not given:
        raise _wrong("input", "'input' field is required and must be a string or an array")
    parts: list[Json] = []
    for part in given:
        kind = part.get("type") if isinstance(part, dict) else None
        if kind == "text":
            parts.append({"type": "text", "text": str(part.get("content", ""))})
        elif kind == "image":
            parts.append({"type": "image_url", "image_url": {"url": part.get("data_url")}})
        else:
            raise _wrong("input", f"'input' items must be of type 'text' or 'image', not {kind!r}")
    return parts


def _wrong(param: str, message: str) -> Refusal:
    return Refusal(message, kind="invalid_request", param=param)


def _event(kind: str, tokens: int = 0, **fields: Any) -> Event:
    return Event({"type": kind} | fields, name=kind, tokens=tokens)
