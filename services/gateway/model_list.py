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
from gateway.catalogue import ask_json
from gateway.errors import GatewayError, LedgerAway
from gateway.keys import Key
from gateway.models import Models
from gateway.relay import Relay
from gateway.visit import Visit

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
        head = {"content-type": "application/json", "content-length": str(len(body))}
        await caller.start(200, head)
        await caller.send(body, last=True)

    async def _found(self, scope: Scope, key: Key) -> dict[str, Any]:
        models = self._parts.models
        if name := scope.get("path_params", {}).get("model"):
            return await one_model(models, name, key)
        return await all_models(models, key)


class MergedList(ModelList):
    """A list in LM Studio's own format, put together from those of several model servers."""

    async def _found(self, _scope: Scope, _key: Key) -> dict[str, Any]:
        upstreams, field = self._parts.upstreams, self._route.merged
        names = [name for name in upstreams.names if upstreams.answers(name)]
        found = await asyncio.gather(
            *(ask_json(upstreams.one(name), self._route.path) for name in names),
            return_exceptions=True,
        )
        merged: dict[str, Any] = {}
        for reply in found:
            rows = reply.get(field) if isinstance(reply, dict) else None
            for row in rows if isinstance(rows, list) else []:
                if isinstance(row, dict):
                    merged.setdefault(str(row.get("key") or row.get("id")), row)
        if not merged and found and isinstance(found[0], GatewayError):
            raise found[0]
        return {field: list(merged.values())}


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
