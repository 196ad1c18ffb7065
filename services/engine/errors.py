"""What can go wrong, in words for people, and the shapes in which LM Studio says it.

EngineError: the engine cannot start or load a model; its text is the whole message. Refusal: one
request is answered with an error. LM Studio has five error shapes (its bug tracker and REST docs
show them); `render` picks the one of the route, `stream_error` is the one inside a stream that has
begun. Anything else is a defect: 500, logged with its traceback.
"""

from __future__ import annotations

from enum import Enum
from typing import Any

NO_MODELS = (
    "No models loaded. Please load a model in the developer page or use the 'lms load' command."
)


class EngineError(Exception):
    """One sentence for the operator: what is wrong and what to do."""


class Family(Enum):
    """Whose error shape a route speaks."""

    OPENAI = "openai"
    NATIVE = "native"
    ANTHROPIC = "anthropic"


class Refusal(Exception):
    """One request is not answered. Without a `kind` it is a bare sentence on OpenAI's routes."""

    def __init__(
        self,
        message: str,
        status: int = 400,
        kind: str | None = None,
        param: str | None = None,
        code: str | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.status = status
        self.kind = kind
        self.param = param
        self.code = code


def no_models() -> Refusal:
    """The model asked for is unknown and no other is loaded that could answer instead."""
    return Refusal(NO_MODELS, kind="invalid_request_error", param="model")


def from_llama(status: int, body: str) -> Refusal:
    """llama.cpp refused: LM Studio nests the reply of its engine as text."""
    message = f"Engine protocol predict request returned {status}: {body.strip()}"
    return Refusal(message, status=status if status in (400, 501) else 500)


def render(refusal: Refusal, family: Family) -> tuple[int, dict[str, Any]]:
    """Status and JSON body of a refusal on a route of `family`."""
    if family is Family.ANTHROPIC:
        own = not refusal.message.startswith("Engine protocol")
        kind = "invalid_request_error" if own and refusal.status < 500 else "api_error"
        body = {"type": "error", "error": {"type": kind, "message": refusal.message}}
        return (refusal.status if own else 500), body
    if family is Family.NATIVE:
        kind = refusal.kind or ("invalid_request" if refusal.status < 500 else "internal_error")
        kind = "invalid_request" if kind == "invalid_request_error" else kind
        error = {"type": kind, "message": refusal.message}
        error |= {"code": refusal.code} if refusal.code else {}
        return refusal.status, {
            "error": error | ({"param": refusal.param} if refusal.param else {})
        }
    if refusal.kind is None:
        return refusal.status, {"error": refusal.message}
    error = {"message": refusal.message, "type": refusal.kind}
    return refusal.status, {"error": {**error, "param": refusal.param, "code": refusal.code}}


def unknown_route(method: str, path: str) -> tuple[int, dict[str, str]]:
    """LM Studio answers 200 to what it does not know; below /api/v1/ it answers 404."""
    status = 404 if path.startswith("/api/v1/") else 200
    return status, {"error": f"Unexpected endpoint or method. ({method} {path})"}
