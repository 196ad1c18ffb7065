"""/v1/completions and /api/v0/completions: a raw prompt, no chat template.

The last chunk of a stream carries `usage` whether asked for or not, as in LM Studio. One prompt a
request: a list of several would need several slots.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Any, ClassVar

from engine import dialect
from engine.assembly import Assembly, CompletionAssembly
from engine.catalogue import Answering
from engine.conversation import limit
from engine.dialect import Json, new_id
from engine.errors import Family, Refusal
from engine.wire import DONE, Event


class Completions:
    """One completion. `native` adds what /api/v0 adds to a whole reply."""

    family: ClassVar[Family] = Family.OPENAI
    upstream: ClassVar[str] = "/v1/completions"
    embedding: ClassVar[bool] = False
    assembly: ClassVar[type[Assembly] | None] = CompletionAssembly

    def __init__(self, body: Json, native: bool = False) -> None:
        self.body = body
        self.native = native
        self.model = str(body.get("model") or "")
        self.stream = body.get("stream") is True
        self.id = new_id("cmpl-")
        self.created = int(time.time())

    def request(self) -> Json:
        prompt = _one_prompt(self.body.get("prompt"))
        return dialect.passed_on(self.body) | {"prompt": prompt} | dialect.STREAMED

    def begin(self, answering: Answering) -> None:
        self.model = answering.name
        self.instance = answering.instance

    def reply(self, answer: Json) -> Json:
        choice = answer["choices"][0]
        finish = choice["finish_reason"]
        reply = self._envelope(choice["text"], finish)
        reply |= {"usage": dialect.usage(answer.get("usage")), "stats": {}}
        if not self.native:
            return reply
        card, context = self.instance.model.card, self.instance.config.context_length
        return reply | {
            "stats": dialect.stats(answer, finish, limit(self.body)),
            "model_info": dialect.model_info(card, context),
            "runtime": dialect.runtime(),
        }

    def start(self) -> Iterable[Event]:
        return ()

    def events(self, chunk: Json) -> Iterable[Event]:
        for choice in chunk.get("choices", ()):
            text, finish = choice.get("text", ""), choice.get("finish_reason")
            data = self._envelope(text, finish)
            if finish:
                data["usage"] = dialect.usage(chunk.get("usage"))
            if text or finish:
                yield Event(data, tokens=1 if text else 0)

    def end(self) -> Iterable[Event]:
        return (DONE,)

    def failed(self, message: str) -> Iterable[Event]:
        return dialect.openai_failure(message)

    def _envelope(self, text: str, finish_reason: str | None) -> Json:
        choice = {"index": 0, "text": text, "logprobs": None, "finish_reason": finish_reason}
        return {
            "id": self.id,
            "object": "text_completion",
            "created": self.created,
            "model": self.model,
            "choices": [choice],
        }


def _one_prompt(prompt: Any) -> str | list[int]:
    if isinstance(prompt, list) and len(prompt) == 1 and isinstance(prompt[0], str):
        return prompt[0]
    if isinstance(prompt, list) and prompt and all(isinstance(token, int) for token in prompt):
        return prompt
    if not isinstance(prompt, str):
        raise Refusal("'prompt' field is required and must be a string")
    return prompt
