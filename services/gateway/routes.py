"""Which of the model server's routes the gateway passes on, and what a key needs for each.

Owns one table. A route that is not in it does not exist (default: deny).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Any

from gateway.errors import Protocol
from gateway.keys import Scope


class Where(Enum):
    """Which of several model servers a route is for."""

    HAS_MODEL = "those that have the model"
    LACKS_MODEL = "those that have it and not loaded, if there are any"
    FIRST = "the first, always the same"


@dataclass(frozen=True, slots=True)
class RelayedRoute:
    """One route of the model server.

    A whole stream ends with an event that is, or has the type of, one of `end_marks`. `takes_slot`:
    the model works on it, so it waits its turn. `names_model`: a model is named, maybe by an alias.
    `usage_on_request`: a stream states its usage only when `include_usage` is set. `listing`:
    answered by `model_list` from the model server's list, not passed on. `otherwise`: what to do
    where the model server lacks it. `model_field` names the model in a body. `merged`: the list in
    an answer that is put together from those of all model servers, where there are several;
    `where`: which of those the route is for.
    """

    method: str
    path: str
    scope: Scope
    protocol: Protocol = Protocol.OPENAI
    end_marks: tuple[str, ...] = ()
    takes_slot: bool = False
    usage_on_request: bool = False
    listing: bool = False
    names_model: bool = False
    otherwise: str = ""
    model_field: str = "model"
    merged: str = ""
    where: Where = Where.HAS_MODEL

    @property
    def again(self) -> bool:
        """Whether another model server may be asked when the first dies: no harm done twice."""
        return self.method == "GET" or self.names_model


_DONE = ("[DONE]",)
_RESPONSE_ENDED = ("response.completed", "response.incomplete", "response.failed")


def _work(path: str, **more: Any) -> RelayedRoute:
    """A POST route that the model works on."""
    scope = more.pop("scope", Scope.CHAT)
    return RelayedRoute("POST", path, scope, takes_slot=True, names_model=True, **more)


RELAYED = (
    _work("/v1/chat/completions", end_marks=_DONE, usage_on_request=True),
    _work("/v1/completions", end_marks=_DONE, usage_on_request=True),
    _work("/v1/embeddings", scope=Scope.EMBED),
    _work("/v1/responses", protocol=Protocol.RESPONSES, end_marks=_RESPONSE_ENDED),
    _work("/v1/messages", protocol=Protocol.ANTHROPIC, end_marks=("message_stop",)),
    RelayedRoute(
        "POST",
        "/v1/messages/count_tokens",
        Scope.CHAT,
        Protocol.ANTHROPIC,
        names_model=True,
        otherwise="To learn a prompt's length, send it to /v1/messages with max_tokens 1 and add "
        "input_tokens and cache_read_input_tokens of its usage.",
    ),
    _work("/api/v0/chat/completions", end_marks=_DONE, usage_on_request=True),
    _work("/api/v0/completions", end_marks=_DONE, usage_on_request=True),
    _work("/api/v0/embeddings", scope=Scope.EMBED),
    _work("/api/v1/chat", protocol=Protocol.NATIVE, end_marks=("chat.end",)),
    RelayedRoute("GET", "/api/v0/models", Scope.MODELS_READ, merged="data"),
    RelayedRoute("GET", "/api/v0/models/{model:path}", Scope.MODELS_READ),
    RelayedRoute("GET", "/api/v1/models", Scope.MODELS_READ, Protocol.NATIVE, merged="models"),
    RelayedRoute(
        "POST",
        "/api/v1/models/load",
        Scope.MODELS_MANAGE,
        Protocol.NATIVE,
        where=Where.LACKS_MODEL,
    ),
    RelayedRoute(
        "POST",
        "/api/v1/models/unload",
        Scope.MODELS_MANAGE,
        Protocol.NATIVE,
        model_field="instance_id",
    ),
    RelayedRoute(
        "POST",
        "/api/v1/models/download",
        Scope.MODELS_MANAGE,
        Protocol.NATIVE,
        where=Where.FIRST,  # the one that knows the job when its status is asked for
    ),
    RelayedRoute(
        "GET",
        "/api/v1/models/download/status/{job}",
        Scope.MODELS_MANAGE,
        Protocol.NATIVE,
        where=Where.FIRST,
    ),
    RelayedRoute("GET", "/v1/models", Scope.MODELS_READ, listing=True),
    RelayedRoute("GET", "/v1/models/{model:path}", Scope.MODELS_READ, listing=True),
)


def protocol_of(path: str) -> Protocol:
    """The protocol of a path, also of one that does not exist: its caller's SDK reads the error."""
    if path.startswith("/v1/messages"):
        return Protocol.ANTHROPIC
    if path.startswith("/api/v1/"):
        return Protocol.NATIVE
    return Protocol.RESPONSES if path.startswith("/v1/responses") else Protocol.OPENAI
