"""A good answer of every route that the model works on, as LM Studio words it.

Owns bytes only: the whole answer, and the same as server-sent events, the last of which ends the
stream. Facts: LM Studio's documentation of its REST routes and of the two compatible ones.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import orjson

WORDS = ("Hello", " there")
TEXT = "".join(WORDS)
USAGE = {"prompt_tokens": 9, "completion_tokens": 2, "total_tokens": 11}
DONE = b"data: [DONE]\n\n"


@dataclass(frozen=True)
class ModelAnswer:
    """What a route answers: `whole`, or `events`; `()` where it does not stream."""

    whole: bytes
    events: tuple[bytes, ...] = ()


def _data(document: dict[str, Any]) -> bytes:
    return b"data: " + orjson.dumps(document) + b"\n\n"


def _named(kind: str, **fields: Any) -> bytes:
    return f"event: {kind}\n".encode() + _data({"type": kind, **fields})


def _choices(kind: str, field: str, wrap: str) -> ModelAnswer:
    """chat (`message`, `delta`) and completions (`text`)."""

    def choice(where: str, text: str, reason: str | None) -> dict[str, Any]:
        content = {"role": "assistant", "content": text} if where != "text" else text
        return {"index": 0, where: content, "logprobs": None, "finish_reason": reason}

    base = {"id": "x-1", "created": 1790000000, "model": "m"}
    chunk = base | {"object": f"{kind}.chunk" if wrap else kind}
    events = [_data(chunk | {"choices": [choice(wrap or field, word, None)]}) for word in WORDS]
    events.append(_data(chunk | {"choices": [choice(wrap or field, "", "stop")]}))
    whole = base | {"object": kind, "choices": [choice(field, TEXT, "stop")], "usage": USAGE}
    return ModelAnswer(orjson.dumps(whole), (*events, DONE))


def _embeddings() -> ModelAnswer:
    item = {"object": "embedding", "index": 0, "embedding": [0.25, 0.5, 0.75]}
    usage = {"prompt_tokens": 0, "total_tokens": 0}
    return ModelAnswer(
        orjson.dumps({"object": "list", "data": [item], "model": "m", "usage": usage})
    )


def _responses() -> ModelAnswer:
    content = {"type": "output_text", "text": TEXT, "annotations": []}
    item = {"id": "msg_1", "type": "message", "role": "assistant", "status": "completed"}
    usage = {"input_tokens": 9, "output_tokens": 2, "total_tokens": 11}
    response = {
        "id": "resp_1",
        "object": "response",
        "created_at": 1790000000,
        "status": "completed",
        "error": None,
        "model": "m",
        "output": [item | {"content": [content]}],
        "usage": usage,
    }

    def events() -> Iterator[bytes]:
        begun = response | {"status": "in_progress", "output": [], "usage": None}
        yield _named("response.created", sequence_number=0, response=begun)
        for number, word in enumerate(WORDS, 1):
            where = {"item_id": "msg_1", "output_index": 0, "content_index": 0}
            yield _named("response.output_text.delta", sequence_number=number, delta=word, **where)
        yield _named("response.completed", sequence_number=3, response=response)

    return ModelAnswer(orjson.dumps(response), tuple(events()))


def _messages() -> ModelAnswer:
    message = {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "m",
        "content": [{"type": "text", "text": TEXT}],
        "stop_reason": "end_turn",
        "stop_sequence": None,
        "usage": {"input_tokens": 9, "output_tokens": 2},
    }
    begun = message | {"content": [], "stop_reason": None}
    deltas = [
        _named("content_block_delta", index=0, delta={"type": "text_delta", "text": word})
        for word in WORDS
    ]
    ended = {"stop_reason": "end_turn", "stop_sequence": None}
    events = (
        _named("message_start", message=begun),
        _named("content_block_start", index=0, content_block={"type": "text", "text": ""}),
        *deltas,
        _named("content_block_stop", index=0),
        _named("message_delta", delta=ended, usage={"output_tokens": 2}),
        _named("message_stop"),
    )
    return ModelAnswer(orjson.dumps(message), events)


def _native() -> ModelAnswer:
    result = {
        "model_instance_id": "m",
        "output": [{"type": "message", "content": TEXT}],
        "stats": {"input_tokens": 9, "total_output_tokens": 2, "tokens_per_second": 40.0},
        "response_id": "resp_1",
    }
    events = (
        _named("chat.start", model_instance_id="m"),
        _named("message.start"),
        *(_named("message.delta", content=word) for word in WORDS),
        _named("message.end"),
        _named("chat.end", result=result),
    )
    return ModelAnswer(orjson.dumps(result), events)


ANSWERS = {
    "/v1/chat/completions": _choices("chat.completion", "message", "delta"),
    "/v1/completions": _choices("text_completion", "text", ""),
    "/v1/embeddings": _embeddings(),
    "/v1/responses": _responses(),
    "/v1/messages": _messages(),
    "/api/v0/chat/completions": _choices("chat.completion", "message", "delta"),
    "/api/v0/completions": _choices("text_completion", "text", ""),
    "/api/v0/embeddings": _embeddings(),
    "/api/v1/chat": _native(),
}
