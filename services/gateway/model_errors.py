"""Reads what the model server's errors mean, whatever shape they come in.

Owns the five shapes that LM Studio uses (strings, OpenAI's object, its native one, Anthropic's,
an error event in a stream), the 200 that is an error, and the wordings of a context overflow.
Facts: LM Studio's REST docs and its public bug tracker (issues 237, 1323, 2205, 2322, 2339).
"""

from __future__ import annotations

import re
from typing import Any

import orjson

from gateway.errors import ModelServerError

_OVERFLOW = re.compile(
    r"tokens when context the overflows"
    r"|number of tokens to keep from the initial prompt is greater than the context length"
    r"|Cannot truncate prompt with n_keep"
    r"|does not fit in context length"
    r"|exceeds the available context size|exceed_context_size_error"
    r"|Context size has been exceeded",
    re.IGNORECASE,
)
_UNKNOWN_ROUTE = "Unexpected endpoint or method"
# LM Studio wraps the error of its engine as text; what follows the colon is JSON.
_ENGINE = re.compile(r"Engine protocol \w+ request returned (\d{3}): (\{.*\})", re.DOTALL)
MAX_MESSAGE_CHARS = 2000


def read_error(status: int, body: bytes) -> ModelServerError:
    """The error in the body of an answer with an error status."""
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError:
        # An HTML page or nothing: its text would help nobody.
        return ModelServerError(
            f"The model server answered {status} without saying why.",
            status,
            "upstream_error",
            None,
        )
    return _fold(status, document)


def error_in_success(body: bytes) -> ModelServerError | None:
    """The error in a body that came with status 200, or None when it is a real answer.

    LM Studio answers an unknown route with 200 and a string; a good `/v1/responses` reply has
    `"error": null`.
    """
    if b'"error"' not in body:
        return None
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
    if not isinstance(document, dict) or document.get("error") is None or "choices" in document:
        return None
    if isinstance(document.get("output"), list):
        return None  # a response object that failed is the answer; its caller reads `error`
    return _fold(200, document)


def error_in_event(event: bytes) -> ModelServerError | None:
    """The error that a stream (status 200) begins with, or None: LM Studio's `event: error`."""
    if not event.lstrip().startswith(b"event: error"):
        return None
    _, _, data = event.partition(b"data:")
    line = data.split(b"\n", 1)[0].strip()
    try:
        return _fold(200, orjson.loads(line))
    except orjson.JSONDecodeError:
        return ModelServerError(
            "The model server broke off with an error.", 502, "upstream_error", None
        )


def _fold(status: int, document: Any) -> ModelServerError:
    error = document.get("error") if isinstance(document, dict) else None
    fields = error if isinstance(error, dict) else {}
    message = error if isinstance(error, str) else fields.get("message")
    if not isinstance(message, str) or not message:
        message = f"The model server answered {status} without saying why."
    if inner := _ENGINE.search(message):
        try:
            message = str(orjson.loads(inner[2])["error"]["message"])
        except (orjson.JSONDecodeError, KeyError, TypeError):
            pass
        else:
            status = int(inner[1])
    if _OVERFLOW.search(message):
        return _overflow(message)
    if _UNKNOWN_ROUTE in message:
        return ModelServerError(
            "The model server does not know this route; it may be too old for it.",
            501,
            "upstream_error",
            "route_not_supported",
        )
    status = status if status >= 400 else 502
    type_ = fields.get("type")
    code = fields.get("code")
    return ModelServerError(
        message[:MAX_MESSAGE_CHARS],
        # The gateway's own key was good; a refusal here is the operator's token, not the caller's.
        502 if status in (401, 403) else status,
        type_ if isinstance(type_, str) else _default_type(status),
        code if isinstance(code, str) else None,
        fields.get("param") if isinstance(fields.get("param"), str) else None,
    )


def _overflow(message: str) -> ModelServerError:
    return ModelServerError(
        f"The conversation is longer than the model's context: {message[:MAX_MESSAGE_CHARS]}",
        400,
        "invalid_request_error",
        "context_length_exceeded",
        "messages",
    )


def _default_type(status: int) -> str:
    return "invalid_request_error" if 400 <= status < 500 else "upstream_error"
