"""/v1/messages: Anthropic's API. llama.cpp speaks it too, so little is changed.

The id and the model's name become LM Studio's; errors take Anthropic's shape. Streams end with
`message_stop`, without `[DONE]`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar

from engine.assembly import Assembly, MessageAssembly
from engine.catalogue import Answering
from engine.conversation import refuse_images
from engine.dialect import Json, new_id, passed_on
from engine.errors import Family, Refusal
from engine.wire import Event

TEXT_DELTAS = ("text_delta", "thinking_delta", "input_json_delta")


class Messages:
    """One request."""

    family: ClassVar[Family] = Family.ANTHROPIC
    upstream: ClassVar[str] = "/v1/messages"
    embedding: ClassVar[bool] = False
    assembly: ClassVar[type[Assembly] | None] = MessageAssembly

    def __init__(self, body: Json) -> None:
        self.body = body
        self.model = str(body.get("model") or "")
        self.stream = body.get("stream") is True
        self.id = new_id("msg_")

    def request(self) -> Json:
        messages = self.body.get("messages")
        if not isinstance(messages, list) or not messages:
            raise Refusal("messages: Field required")
        for index, message in enumerate(messages):
            _check(index, message)
        limit = self.body.get("max_tokens")
        if not isinstance(limit, int) or isinstance(limit, bool):
            raise Refusal("max_tokens: Field required")
        return passed_on(self.body) | {"stream": True}

    def begin(self, answering: Answering) -> None:
        self.model = answering.name
        refuse_images(self.body["messages"], self.model)

    def reply(self, answer: Json) -> Json:
        return answer | {"id": self.id, "model": self.model}

    def start(self) -> Iterable[Event]:
        return ()

    def events(self, chunk: Json) -> Iterable[Event]:
        kind = str(chunk.get("type"))
        if kind == "message_start":
            chunk["message"] |= {"id": self.id, "model": self.model}
        tokens = kind == "content_block_delta" and chunk["delta"].get("type") in TEXT_DELTAS
        yield Event(chunk, name=kind, tokens=int(tokens))

    def end(self) -> Iterable[Event]:
        return ()

    def failed(self, message: str) -> Iterable[Event]:
        error = {"type": "api_error", "message": message}
        return (Event({"type": "error", "error": error}, name="error"),)


def _check(index: int, message: Any) -> None:
    role = message.get("role") if isinstance(message, dict) else None
    if role not in ("user", "assistant"):
        raise Refusal(
            f"messages.{index}.role: Invalid discriminator value. Expected 'user' | 'assistant'"
        )
    if not isinstance(message.get("content"), str | list):
        raise Refusal(f"messages.{index}.content: Field required")
