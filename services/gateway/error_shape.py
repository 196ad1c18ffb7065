"""How an error is told on each wire: its headers, its JSON body, its event in a running stream.

Owns the envelopes. What can go wrong, with which status, type and code, is `errors`' matter.
"""

from __future__ import annotations

from typing import Any

import orjson

from gateway.errors import (
    GatewayError,
    ModelServerError,
    NotOffered,
    Protocol,
    RateLimited,
    code_of,
    status_of,
)

# Anthropic's SDK picks its exception by status; the type is what its documentation lists for it.
_ANTHROPIC_TYPES = {
    400: "invalid_request_error",
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
}

# LM Studio's own API: the types of its documentation; code, message and param are OpenAI's.
_NATIVE_TYPES = frozenset(
    ("invalid_request", "unknown", "mcp_connection_error", "plugin_connection_error")
) | {"not_implemented", "model_not_found", "job_not_found", "internal_error", "model_load_failed"}


def headers_of(error: GatewayError) -> dict[str, str]:
    """The headers that go with an error answer."""
    if isinstance(error, NotOffered):
        return {"x-should-retry": "false"}  # the SDKs would try a 501 again, twice
    after = getattr(error, "retry_after_s", None)
    return {} if after is None else {"retry-after": str(after)}


def body_of(error: GatewayError, protocol: Protocol) -> dict[str, Any]:
    """The JSON body of an error answer."""
    type_, code = _type_and_code(error)
    if protocol is Protocol.ANTHROPIC:
        type_ = _ANTHROPIC_TYPES.get(status_of(error), "api_error")
        return {"type": "error", "error": {"type": type_, "message": error.message}}
    if protocol is Protocol.NATIVE:
        type_ = _native_type(error, type_)
    return {"error": {"message": error.message, "type": type_, "param": error.param, "code": code}}


def _native_type(error: GatewayError, type_: str) -> str:
    """One of the types in LM Studio's documentation; its own ones stay."""
    if type_ in _NATIVE_TYPES:
        return type_
    status = status_of(error)
    if error.code == "model_not_found":
        return "model_not_found"
    if status == 501:
        return "not_implemented"
    return "invalid_request" if status < 500 else "internal_error"


def event_of(error: GatewayError, protocol: Protocol) -> bytes:
    """The error as a server-sent event, for a stream that has begun with status 200."""
    if protocol is Protocol.RESPONSES:
        type_, code = _type_and_code(error)
        # A negative sequence number would be a lie; the SDK does not need one to raise. It raises
        # for `error` only: the event of OpenAI's reference by itself it hands out as news.
        fields = {"code": code, "message": error.message, "param": error.param}
        document = {"type": "error", **fields, "error": {"type": type_, **fields}}
        return b"event: error\ndata: " + orjson.dumps(document) + b"\n\n"
    body = body_of(error, protocol)
    if protocol is Protocol.NATIVE:
        body = {"type": "error", **body}
    data = orjson.dumps(body)
    if protocol in (Protocol.ANTHROPIC, Protocol.NATIVE):
        return b"event: error\ndata: " + data + b"\n\n"
    return b"data: " + data + b"\n\n"


def _type_and_code(error: GatewayError) -> tuple[str, str | None]:
    if isinstance(error, ModelServerError):
        return error.own[1:]
    type_ = error.kind if isinstance(error, RateLimited) else error.type
    return type_, code_of(error)
