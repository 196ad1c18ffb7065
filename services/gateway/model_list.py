"""`/v1/models` and `/v1/models/{id}`: the models that one key may use, other names included.

Owns what is shown to whom. The lists in LM Studio's own format pass unchanged through `relay`, or
are put together where there are several model servers; this one is the gateway's, because tools
take a name from it and use it.
"""

from __future__ import annotations

import asyncio
from typing import Any

import orjson
from starlette.types import Scope

from gateway.caller import Caller
from gateway.catalogue import Entry, ask_json
from gateway.errors import GatewayError, LedgerAway, ModelServerSilent
from gateway.keys import Key
from gateway.models import ASK_TIMEOUT_S, Models, first_failure
from gateway.relay import Relay
from gateway.visit import Visit
from gateway.watched_server import WatchedServer

OWNER = "lectern"


class ModelList(Relay):
    """The ASGI endpoint of both routes; a request's story is `Relay`'s, its answer is made here."""

    async def _serve(self, scope: Scope, caller: Caller, visit: Visit) -> None:
        parts, key = self._parts, visit.key
        if key is None:
            raise RuntimeError("a list of models belongs to a key")
        if not parts.ledger.accepting:
            raise LedgerAway("Usage cannot be written down right now. Try again in a moment.")
        body = orjson.dumps(await self._found(scope, key))
        await self._end(visit, "ok", 200)
        await caller.answer(200, {"content-type": "application/json"}, body)

    async def _found(self, scope: Scope, key: Key) -> dict[str, Any]:
        models = self._parts.models
        if name := scope.get("path_params", {}).get("model"):
            return await one_model(models, name, key)
        return await all_models(models, key)


class MergedList(ModelList):
    """A list in LM Studio's own format, put together from those of several model servers."""

    async def _found(self, _scope: Scope, _key: Key) -> dict[str, Any]:
        path, field = self._route.path, self._route.merged
        servers = self._parts.upstreams.asked()
        found = await asyncio.gather(*(_listed(server, path, field) for server in servers))
        failures = [reply for reply in found if isinstance(reply, GatewayError)]
        if len(failures) == len(found):
            raise first_failure(failures)
        merged: dict[str, Entry] = {}
        for row in (row for rows in found if isinstance(rows, list) for row in rows):
            name = str(row.get("key") or row.get("id"))
            if name not in merged or (_is_loaded(row) and not _is_loaded(merged[name])):
                merged[name] = row
        return {field: list(merged.values())}


async def _listed(server: WatchedServer, path: str, field: str) -> list[Entry] | GatewayError:
    """What one server lists, or why it does not."""
    try:
        async with asyncio.timeout(ASK_TIMEOUT_S):
            document = await ask_json(server, path)
    except TimeoutError:
        return ModelServerSilent("The model server did not list its models.")
    except GatewayError as error:
        return error
    rows = document.get(field) if isinstance(document, dict) else None
    return [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []


def _is_loaded(row: Entry) -> bool:
    return bool(row.get("loaded_instances")) or row.get("state") == "loaded"


async def all_models(models: Models, key: Key) -> dict[str, Any]:
    """The list in OpenAI's format."""
    entries = await models.entries()
    shown = {name: entry for name, entry in entries.items() if key.may_use(name)}
    for name, real in models.aliases(key):
        shown.setdefault(name, _alias(name, real))
    return {"data": list(shown.values()), "object": "list"}


async def one_model(models: Models, name: str, key: Key) -> dict[str, Any]:
    """The list's entry of that name; raises `ModelUnknown` or `ModelForbidden`."""
    entries = await models.entries()
    real = await models.resolve(name, key)
    if name in entries:
        return entries[name]
    # A variant, or an instance with a name of its own: the list leaves them out, chats take them.
    return _alias(name, real)


def _alias(name: str, real: str) -> dict[str, Any]:
    return {"id": name, "object": "model", "owned_by": OWNER, "root": real}
