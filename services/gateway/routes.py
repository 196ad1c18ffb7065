"""Which of the model server's routes the gateway passes on, and what a key needs for each.

Owns one table. A route that is not in it does not exist (default: deny).
"""

from __future__ import annotations

from dataclasses import dataclass

from gateway.errors import Protocol
from gateway.keys import Scope


@dataclass(frozen=True, slots=True)
class RelayedRoute:
    """One route of the model server. A whole stream has one of `end_marks` near its end."""

    method: str
    path: str
    scope: Scope
    protocol: Protocol = Protocol.OPENAI
    end_marks: tuple[bytes, ...] = ()


_DONE = (b"[DONE]",)
_RESPONSE_ENDED = (b"response.completed", b"response.incomplete", b"response.failed")

RELAYED = (
    RelayedRoute("POST", "/v1/chat/completions", Scope.CHAT, end_marks=_DONE),
    RelayedRoute("POST", "/v1/completions", Scope.CHAT, end_marks=_DONE),
    RelayedRoute("POST", "/v1/embeddings", Scope.EMBED),
    RelayedRoute("POST", "/v1/responses", Scope.CHAT, Protocol.RESPONSES, _RESPONSE_ENDED),
    RelayedRoute("POST", "/v1/messages", Scope.CHAT, Protocol.ANTHROPIC, (b"message_stop",)),
    RelayedRoute("GET", "/v1/models", Scope.MODELS_READ),
    RelayedRoute("GET", "/api/v0/models", Scope.MODELS_READ),
    RelayedRoute("GET", "/api/v0/models/{model:path}", Scope.MODELS_READ),
    RelayedRoute("POST", "/api/v0/chat/completions", Scope.CHAT, end_marks=_DONE),
    RelayedRoute("POST", "/api/v0/completions", Scope.CHAT, end_marks=_DONE),
    RelayedRoute("POST", "/api/v0/embeddings", Scope.EMBED),
    RelayedRoute("GET", "/api/v1/models", Scope.MODELS_READ),
    RelayedRoute("POST", "/api/v1/chat", Scope.CHAT, end_marks=(b"chat.end",)),
    RelayedRoute("POST", "/api/v1/models/load", Scope.MODELS_MANAGE),
    RelayedRoute("POST", "/api/v1/models/unload", Scope.MODELS_MANAGE),
    RelayedRoute("POST", "/api/v1/models/download", Scope.MODELS_MANAGE),
    RelayedRoute("GET", "/api/v1/models/download/status/{job}", Scope.MODELS_MANAGE),
)


def protocol_of(path: str) -> Protocol:
    """The protocol of a path, also of one that does not exist: its caller's SDK reads the error."""
    if path.startswith("/v1/messages"):
        return Protocol.ANTHROPIC
    return Protocol.RESPONSES if path.startswith("/v1/responses") else Protocol.OPENAI
