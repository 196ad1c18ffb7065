"""What one model server lists: its models, and how many predictions each runs at once.

Owns the reading of its two lists: OpenAI's, and LM Studio's own where there is one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from gateway.errors import ModelServerError, NotOffered
from gateway.model_errors import error_in_success, read_error
from gateway.upstream import Answer
from gateway.watched_server import WatchedServer

Entry = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Catalogue:
    """`entries`: what `/v1/models` lists, by id. `slots`: of what is loaded, by every name of it.

    `names`: all that a request may use. `native`: the server lists in LM Studio's own way, too.
    """

    entries: Mapping[str, Entry]
    slots: Mapping[str, int]
    names: frozenset[str]
    native: bool


async def ask_catalogue(server: WatchedServer) -> Catalogue:
    """The lists as they are now; raises `GatewayError` when they cannot be had."""
    entries = _openai_entries(await ask_json(server, "/v1/models"))
    try:
        native = _native_models(await ask_json(server, "/api/v1/models"))
    except (ModelServerError, NotOffered):
        native = {}  # a server that is not LM Studio, or an old one
    loaded = {name: slots for name, slots in native.items() if slots}
    return Catalogue(entries, loaded, frozenset(entries.keys() | native.keys()), bool(native))


async def read_whole(answer: Answer) -> bytes:
    """An answer's whole body; the connection is given back whatever happens."""
    whole = False
    try:
        body = b""
        while piece := await answer.read():
            body += piece
        whole = True
        return body
    finally:
        answer.release() if whole else answer.abort()


async def ask_json(server: WatchedServer, path: str) -> Any:
    """What a server answers on one of its lists, None if it is no JSON; raises `GatewayError`."""
    answer = await server.open("GET", path, {}, b"")
    body = await read_whole(answer)
    if error := read_error(answer.status, body) if answer.status >= 300 else None:
        raise error
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
    if error := error_in_success(document):
        raise error
    return document


def _openai_entries(document: Any) -> dict[str, Entry]:
    data = document.get("data") if isinstance(document, dict) else None
    return {
        entry["id"]: entry
        for entry in (data if isinstance(data, list) else [])
        if isinstance(entry, dict) and isinstance(entry.get("id"), str)
    }


def _native_models(document: Any) -> dict[str, int]:
    """Names in LM Studio's own list, each with the predictions that its loaded instances run."""
    models = document.get("models") if isinstance(document, dict) else None
    found: dict[str, int] = {}
    for entry in models if isinstance(models, list) else []:
        if not isinstance(entry, dict) or not isinstance(entry.get("key"), str):
            continue
        parallel = {
            str(instance.get("id")): int((instance.get("config") or {}).get("parallel") or 1)
            for instance in entry.get("loaded_instances") or []
            if isinstance(instance, dict)
        }
        # A request that names the key or a variant is served by the first instance.
        first = next(iter(parallel.values()), 0)
        for name in (entry["key"], *(entry.get("variants") or [])):
            found[str(name)] = first
        found |= parallel
    return found
