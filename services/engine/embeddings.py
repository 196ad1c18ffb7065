"""/v1/embeddings and /api/v0/embeddings.

As in LM Studio the usage is always zero, `dimensions` is ignored, and an unknown model is refused
instead of being answered by another.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar

from engine.assembly import Assembly
from engine.catalogue import Answering
from engine.dialect import Json, openai_failure
from engine.errors import Family, Refusal
from engine.wire import Event


class Embeddings:
    """One request for embeddings; never streamed."""

    family: ClassVar[Family] = Family.OPENAI
    upstream: ClassVar[str] = "/v1/embeddings"
    embedding: ClassVar[bool] = True
    assembly: ClassVar[type[Assembly] | None] = None
    stream = False

    def __init__(self, body: Json) -> None:
        self.body = body
        self.model = str(body.get("model") or "")

    def request(self) -> Json:
        text = self.body.get("input")
        if not _is_input(text):
            raise Refusal("'input' field must be a string or an array of strings")
        form = self.body.get("encoding_format") or "float"
        if form not in ("float", "base64"):
            raise Refusal("'encoding_format' must be 'float' or 'base64'")
        return {"input": text, "encoding_format": form}

    def begin(self, answering: Answering) -> None:
        self.model = answering.name

    def reply(self, answer: Json) -> Json:
        data = [
            {"object": "embedding", "embedding": item["embedding"], "index": item["index"]}
            for item in answer["data"]
        ]
        usage = {"prompt_tokens": 0, "total_tokens": 0}
        return {"object": "list", "data": data, "model": self.model, "usage": usage}

    def start(self) -> Iterable[Event]:
        return ()

    def events(self, chunk: Json) -> Iterable[Event]:  # noqa: ARG002 (never streamed)
        return ()

    def end(self) -> Iterable[Event]:
        return ()

    def failed(self, message: str) -> Iterable[Event]:
        return openai_failure(message)


def _is_input(value: Any) -> bool:
    if isinstance(value, str):
        return True
    if not isinstance(value, list) or not value:
        return False
    if all(isinstance(item, str) for item in value):
        return True
    # The openai SDK may send token ids, or lists of them.
    lists = value if isinstance(value[0], list) else [value]
    return all(isinstance(one, list) and all(isinstance(t, int) for t in one) for one in lists)
