"""The body of every error of the gateway's own routes, for OpenAPI.

Owns the models and what each status means; `error_shape.body_of` makes the values.
"""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

ALWAYS = (401, 413, 429, 503)
MEANINGS = {
    400: "The request cannot be understood; the message names the field",
    401: "No key, or one that is not known here, has expired or was revoked",
    403: "The key lacks the scope, or would grant more than it has",
    404: "There is no such thing, or it belongs to another key",
    409: "Taken, not allowed in this state, or the key keeps as much as it may",
    412: "It has changed since the version in `If-Match`",
    413: "Too large",
    428: "`If-Match` is needed",
    429: "Too many bad keys came from this address; `Retry-After` says when to come back",
    503: "The database does not answer, or the gateway is stopping",
}


class ErrorDetail(BaseModel):
    """What went wrong and what to do."""

    message: str
    type: str
    param: str | None
    code: str | None


class ErrorBody(BaseModel):
    """An error, in OpenAI's shape."""

    error: ErrorDetail


def answers(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """OpenAPI's account of a route's errors: these, and those that every keyed route has."""
    return {
        status: {"model": ErrorBody, "description": MEANINGS[status]}
        for status in sorted({*statuses, *ALWAYS})
    }
