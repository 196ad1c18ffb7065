"""Reads what the model server's errors mean, whatever shape they come in.

Owns the five shapes that LM Studio uses (strings, OpenAI's object, its native one, Anthropic's,
an error event in a stream), the 200 that is an error, the wordings of a context overflow and of a
model that is not there. Facts: LM Studio's REST docs and its public bug tracker (issues 237, 463,
1323, 2205, 2322, 2339).
"""

from __future__ import annotations

import re
from typing import Any, NamedTuple

import orjson

from gateway.errors import GatewayError, ModelServerError, NotOffered

_OVERFLOW = re.compile(
    r"tokens when context the overflows"
    r"|number of tokens to keep from the initial prompt is greater than the context length"
    r"|Cannot truncate prompt with n_keep"
    r"|does not fit in context length"
    r"|exceeds the available context size|exceed_context_size_error"
    r"|Context size has been exceeded"
    r"|maximum context length",  # vLLM, in OpenAI's words
    re.IGNORECASE,
)


class _State(NamedTuple):
    """A model that cannot answer, which LM Studio calls the caller's mistake (400)."""

    said: re.Pattern[str]
    code: str
    sentence: str


_STATES = (
    _State(
        re.compile(r"no models loaded", re.IGNORECASE),
        "no_model_loaded",
        "The model server has no model loaded, and does not load one when asked.",
    ),
    _State(
        re.compile(r"model has crashed", re.IGNORECASE),
        "model_crashed",
        "The model crashed while it answered; it has to be loaded again.",
    ),
    _State(
        re.compile(
            r"model (is )?unloaded|channel error|failed to load model|operation canceled",
            re.IGNORECASE,
        ),
        "model_unloaded",
        "The model was unloaded, or could not be loaded. Try again in a moment.",
    ),
    _State(
        re.compile(r"request failed: fetch failed", re.IGNORECASE),
        "engine_unreachable",
        "The model server did not reach its engine. Try again.",
    ),
)
# LM Studio's words, then those of llama.cpp, Go's servers, FastAPI's.
_UNKNOWN_ROUTE = re.compile(
    r"Unexpected endpoint or method.*|(404 page |file )?not found\.?|method not allowed",
    re.IGNORECASE | re.DOTALL,
)
# LM Studio wraps the error of its engine as text; what follows the colon is JSON.
_ENGINE = re.compile(r"Engine protocol \w+ request returned (\d{3}): (\{.*\})", re.DOTALL)
MAX_MESSAGE_CHARS = 2000


def read_error(status: int, body: bytes) -> GatewayError:
    """The error in the body of an answer with an error status."""
    if status in (401, 403):
        # The caller's key was good; the token is the operator's, and LM Studio repeats a bad one.
        return ModelServerError(
            "The model server refused the gateway's own token. Whoever runs this gateway should "
            "check LMSTUDIO_API_TOKEN.",
            502,
            "upstream_error",
            "model_server_refused",
        )
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError:
        # An HTML page or nothing: its text would help nobody.
        return _unknown_route() if status in (404, 405) else _silent(status)
    return _fold(status, document)


def error_in_success(document: Any) -> GatewayError | None:
    """The error in a document that came with status 200, or None when it is a real answer.

    LM Studio answers an unknown route with 200 and a string; a good `/v1/responses` reply has
    `"error": null`.
    """
    if not isinstance(document, dict) or document.get("error") is None or "choices" in document:
        return None
    if isinstance(document.get("output"), list):
        return None  # a response object that failed is the answer; its caller reads `error`
    return _fold(200, document)


def error_in_event(name: str, document: Any) -> GatewayError | None:
    """The error that an event of a stream (status 200) is, or None; `document` is its data.

    LM Studio's `event: error`, an `error` where a chunk should be, or the type `error`.
    """
    if not isinstance(document, dict):
        if name != "error":
            return None
        return ModelServerError(
            "The model server broke off with an error.", 502, "upstream_error", None
        )
    typed = document.get("type") == "error"
    if typed and "error" not in document:  # as `/v1/responses` has it: the fields themselves
        document = {"error": {**document, "type": None}}
    return _fold(200, document) if name == "error" or typed or document.get("error") else None


def _fold(status: int, document: Any) -> GatewayError:
    error = document.get("error") if isinstance(document, dict) else None
    fields = error if isinstance(error, dict) else {}
    message = _message(document, error, fields)
    if not message:
        return _silent(status)
    if inner := _ENGINE.search(message):
        try:
            message = str(orjson.loads(inner[2])["error"]["message"])
        except (orjson.JSONDecodeError, KeyError, TypeError):
            pass
        else:
            status = int(inner[1])
    if _OVERFLOW.search(message) or _OVERFLOW.search(str(fields.get("type"))):
        return _overflow(message)
    if _UNKNOWN_ROUTE.fullmatch(message) and status in (200, 404, 405):
        return _unknown_route()
    for state in _STATES:
        if state.said.search(message):
            words = f"{state.sentence} (It said: {message[:MAX_MESSAGE_CHARS]})"
            return ModelServerError(words, 503, "upstream_error", state.code)
    return _kept(status, message, fields)


def _message(document: Any, error: Any, fields: dict[str, Any]) -> str:
    """What it says, in whatever shape; `detail` is FastAPI's, as vLLM's."""
    detail = document.get("detail") if isinstance(document, dict) else None
    for said in (error, fields.get("message"), detail):
        if isinstance(said, str) and said:
            return said
    return ""


def _kept(status: int, message: str, fields: dict[str, Any]) -> ModelServerError:
    """The error as the model server named it."""
    status = _shown(status)
    type_, code, param = (fields.get(name) for name in ("type", "code", "param"))
    return ModelServerError(
        message[:MAX_MESSAGE_CHARS],
        status,
        type_ if isinstance(type_, str) else _default_type(status),
        code if isinstance(code, str) else None,
        param if isinstance(param, str) else None,
    )


def _shown(status: int) -> int:
    """The status that the caller sees: HTTP has no error beyond these."""
    return status if 400 <= status < 600 else 502


def _silent(status: int) -> ModelServerError:
    told = _shown(status)
    return ModelServerError(
        f"The model server answered {status} without saying why.",
        502 if told in (401, 403) else told,
        "upstream_error",
        None,
    )


def _unknown_route() -> NotOffered:
    return NotOffered("The model server does not know this route; it may be too old for it.")


def _overflow(message: str) -> ModelServerError:
    # LangChain and LiteLLM tell it from other errors by these words; they do not look at the code.
    said = "The conversation is longer than the model's context length (context_length_exceeded)"
    return ModelServerError(
        f"{said}: {message[:MAX_MESSAGE_CHARS]}",
        400,
        "invalid_request_error",
        "context_length_exceeded",
        "messages",
    )


def _default_type(status: int) -> str:
    return "invalid_request_error" if 400 <= status < 500 else "upstream_error"
