"""Which models the model server has, and how many predictions each runs at once.

Owns a short-lived copy of the model server's lists, aliases, and the answer to a name that does not
exist: LM Studio would let whatever model is loaded answer it (lmstudio-bug-tracker issue 619), so
the gateway names the ones that exist instead.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from typing import Any

import orjson

from gateway.errors import GatewayError, ModelForbidden, ModelUnknown
from gateway.keys import Key
from gateway.upstream import Upstream

FRESH_S = 5.0
RETRY_S = 0.5
ASK_TIMEOUT_S = 5.0
USUAL_SLOTS = 4  # LM Studio's "Max Concurrent Predictions" when nothing else is set
MAX_NAMES_SHOWN = 20


class Models:
    """The model server's models as of a few seconds ago."""

    def __init__(self, upstream: Upstream, aliases: Mapping[str, str], slots: int) -> None:
        self._upstream = upstream
        self._aliases = aliases
        self._fixed_slots = slots
        self._names: frozenset[str] = frozenset()
        self._slots: dict[str, int] = {}
        self._asked_at = float("-inf")
        self._asking = asyncio.Lock()
        self._refreshing: asyncio.Task[None] | None = None

    async def resolve(self, model: str, key: Key) -> str:
        """The real id behind a name; raises `ModelUnknown` or `ModelForbidden`.

        An empty name stays empty: the model server picks. While its lists cannot be had, any name
        passes: the request itself will meet the same failure and tell it better.
        """
        real = self._aliases.get(model, model)
        if not real:
            if key.models:
                raise ModelForbidden("This key is for certain models: name one in 'model'.")
            return real
        if not key.may_use(real):
            raise ModelForbidden(f"This key may not use the model {real!r}.")
        if real not in self._names:
            await self._refresh(RETRY_S)
        elif time.monotonic() - self._asked_at > FRESH_S and self._refreshing is None:
            self._refreshing = asyncio.create_task(self._refresh(FRESH_S))
            self._refreshing.add_done_callback(self._refreshed)
        if self._names and real not in self._names:
            default = self._aliases.get("*")
            if default is not None and default in self._names and key.may_use(default):
                return default
            raise ModelUnknown(f"There is no model {model!r}. {self._sentence()}", param="model")
        return real

    def slots(self, model: str) -> int:
        """How many predictions of a model run at once."""
        if self._fixed_slots:
            return self._fixed_slots
        return self._slots.get(model, USUAL_SLOTS)

    async def _refresh(self, older_than_s: float) -> None:
        """Asks again unless the copy is younger; keeps the old copy when nobody answers."""
        async with self._asking:
            if time.monotonic() - self._asked_at < older_than_s:
                return
            try:
                async with asyncio.timeout(ASK_TIMEOUT_S):
                    names = _openai_names(await self._get("/v1/models"))
                    native = _native_models(await self._get("/api/v1/models"))
            except (GatewayError, TimeoutError):
                return
            finally:
                self._asked_at = time.monotonic()
            self._names = frozenset(names | native.keys())
            self._slots = {name: slots for name, slots in native.items() if slots}

    def _refreshed(self, _task: asyncio.Task[None]) -> None:
        self._refreshing = None

    async def _get(self, path: str) -> Any:
        answer = await self._upstream.open("GET", path, {}, b"")
        whole = False
        try:
            body = b""
            while piece := await answer.read():
                body += piece
            whole = True
            return orjson.loads(body)
        except orjson.JSONDecodeError:
            return None
        finally:
            answer.release() if whole else answer.abort()

    def _sentence(self) -> str:
        names = sorted(self._names | self._aliases.keys() - {"*"})
        more = len(names) - MAX_NAMES_SHOWN
        listed = ", ".join(names[:MAX_NAMES_SHOWN]) + (f" and {more} more" if more > 0 else "")
        return f"There are: {listed}."

    def __repr__(self) -> str:
        return f"<Models [{len(self._names)} names]>"


def _openai_names(document: Any) -> set[str]:
    data = document.get("data") if isinstance(document, dict) else None
    return {
        entry["id"]
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
