"""What a caller asks for: the few fields of a body that the gateway reads, and its changes to it.

Owns one partial reading of the body, the alias rewrite and the request for usage. Everything else
in the body passes untouched: where only usage is asked for, bytes are inserted, not re-written.
"""

from __future__ import annotations

import json
from typing import Any, NamedTuple

import orjson

from gateway.errors import BadRequest
from gateway.routes import RelayedRoute
from gateway.usage import BYTES_PER_TOKEN

# What an answer is taken to be long, in tokens, when the caller sets no limit of its own.
USUAL_COMPLETION_TOKENS = 256
# A name goes into logs, metrics and errors: nobody's prompt, and nothing that moves a terminal.
MAX_MODEL_CHARS = 300
_LIMIT_FIELDS = ("max_completion_tokens", "max_tokens", "max_output_tokens")


class Ask(NamedTuple):
    """A request's body and what was read from it. `drop_usage`: only the gateway wants usage."""

    body: bytes
    model: str = ""
    stream: bool = False
    prompt_tokens: int = 1
    completion_tokens: int = 0
    drop_usage: bool = False

    @property
    def cost(self) -> int:
        """The estimate in tokens that limits and the queue reserve."""
        return self.prompt_tokens + self.completion_tokens


def read_ask(body: bytes, route: RelayedRoute) -> Ask:
    """Reads a body; raises `BadRequest` naming the field that is wrong."""
    if route.method != "POST":
        return Ask(body)
    document = _object(body)
    model = document.get(route.model_field)
    if model is not None and not isinstance(model, str):
        raise BadRequest(
            f"The field {route.model_field!r} must be a string: a model's id.",
            param=route.model_field,
        )
    if model and (len(model) > MAX_MODEL_CHARS or not model.isprintable()):
        raise BadRequest(
            f"The field {route.model_field!r} must be a model's id: one line of at most "
            f"{MAX_MODEL_CHARS} characters.",
            param=route.model_field,
        )
    stream = document.get("stream")
    if stream is not None and not isinstance(stream, bool):
        raise BadRequest("The field 'stream' must be true or false.", param="stream")
    ask = Ask(
        body,
        model or "",
        bool(stream),
        max(1, len(body) // BYTES_PER_TOKEN),
        _completion_tokens(document) if route.takes_slot else 0,
    )
    return _with_usage(ask, document) if route.usage_on_request and ask.stream else ask


def with_model(ask: Ask, model: str) -> Ask:
    """The same request for another model: an alias was named."""
    document = _object(ask.body)
    document["model"] = model
    return ask._replace(body=_written(document), model=model)


def refuse_second_model(body: bytes) -> None:
    """Raises `BadRequest` when a body names a model twice, for keys that may not use every model.

    Of two fields `model` one server reads the first, another the last, and Go's (Ollama) takes
    `Model` for it as well: the one that was checked must be the one that answers.
    """
    if body.lower().count(b'"model"') < 2 and b"\\u" not in body:
        return  # nobody can have spelt it twice
    pairs: list[tuple[str, object]] = []

    def note(found: list[tuple[str, object]]) -> None:
        pairs[:] = found  # the outermost object comes last

    try:
        json.loads(body, object_pairs_hook=note)
    except RecursionError:
        raise BadRequest("The request's JSON is nested too deep.") from None
    if sum(name.lower() == "model" for name, _ in pairs) > 1:
        raise BadRequest("The field 'model' is there twice: name one model.", param="model")


def _with_usage(ask: Ask, document: dict[str, Any]) -> Ask:
    """Asks for usage, which LM Studio leaves out of streams otherwise."""
    options = document.get("stream_options")
    if isinstance(options, dict) and options.get("include_usage"):
        return ask
    if options is None and "stream_options" not in document:
        start = ask.body.index(b"{") + 1
        more = b'"stream_options":{"include_usage":true},'
        return ask._replace(body=ask.body[:start] + more + ask.body[start:], drop_usage=True)
    if options is not None and not isinstance(options, dict):
        raise BadRequest("The field 'stream_options' must be an object.", param="stream_options")
    document["stream_options"] = {**(options or {}), "include_usage": True}
    return ask._replace(body=_written(document), drop_usage=True)


def _completion_tokens(document: dict[str, Any]) -> int:
    for name in _LIMIT_FIELDS:
        limit = document.get(name)
        if isinstance(limit, int) and not isinstance(limit, bool) and limit > 0:
            return min(limit, 1_000_000)
    return USUAL_COMPLETION_TOKENS


def _object(body: bytes) -> dict[str, Any]:
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise BadRequest(f"The request's body is not JSON: {error}.") from None
    if not isinstance(document, dict):
        raise BadRequest('The request\'s body must be a JSON object, such as {"messages": []}.')
    return document


def _written(document: dict[str, Any]) -> bytes:
    try:
        return orjson.dumps(document)
    except TypeError:  # it writes fewer levels than it reads
        raise BadRequest("The request's JSON is nested too deep.") from None
