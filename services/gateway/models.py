"""Which models the model server has, and how many predictions each runs at once.

Owns a short-lived copy of the model server's lists, aliases, and the answer to a name that does not
exist: LM Studio would let whatever model is loaded answer it (lmstudio-bug-tracker issue 619), so
the gateway names the ones that exist instead.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator, Mapping
from typing import Any

import orjson

from gateway.errors import (
    GatewayError,
    ModelForbidden,
    ModelServerError,
    ModelServerSilent,
    ModelUnknown,
    NotOffered,
)
from gateway.keys import Key
from gateway.model_errors import error_in_success, read_error
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
        self._entries: dict[str, dict[str, Any]] = {}
        self._failure: GatewayError | None = None
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
            raise ModelUnknown(f"There is no model {model!r}. {self._sentence(key)}", param="model")
        return real

    async def entries(self) -> dict[str, dict[str, Any]]:
        """What `/v1/models` lists, by id; raises when the model server cannot be asked."""
        await self._refresh(RETRY_S if self._failure else FRESH_S)
        if self._failure is not None:
            raise self._failure
        return self._entries

    def aliases(self, key: Key) -> Iterator[tuple[str, str]]:
        """Each other name with its real one, where that exists and the key may use it."""
        for name, real in self._aliases.items():
            if name != "*" and real in self._names and key.may_use(real):
                yield name, real

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
                    entries = _openai_entries(await self._get("/v1/models"))
                    native = await self._native()
            except TimeoutError:
                self._failure = ModelServerSilent("The model server did not list its models.")
                return
            except GatewayError as error:
                self._failure = error
                return
            finally:
                self._asked_at = time.monotonic()
            self._failure, self._entries = None, entries
            self._names = frozenset(entries.keys() | native.keys())
            self._slots = {name: slots for name, slots in native.items() if slots}

    def _refreshed(self, _task: asyncio.Task[None]) -> None:
        self._refreshing = None

    async def _native(self) -> dict[str, int]:
        try:
            return _native_models(await self._get("/api/v1/models"))
        except (ModelServerError, NotOffered):
            return {}  # a server that is not LM Studio, or an old one

    async def _get(self, path: str) -> Any:
        answer = await self._upstream.open("GET", path, {}, b"")
        whole = False
        try:
            body = b""
            while piece := await answer.read():
                body += piece
            whole = True
        finally:
            answer.release() if whole else answer.abort()
        if error := read_error(answer.status, body) if answer.status >= 300 else None:
            raise error
        if error := error_in_success(body):
            raise error
        try:
            return orjson.loads(body)
        except orjson.JSONDecodeError:
            return None

    def _sentence(self, key: Key) -> str:
        usable = {name for name in self._names if key.may_use(name)}
        names = sorted(usable | {name for name, _ in self.aliases(key)})
        more = len(names) - MAX_NAMES_SHOWN
        listed = ", ".join(names[:MAX_NAMES_SHOWN]) + (f" and {more} more" if more > 0 else "")
        return f"There are: {listed}."

    def __repr__(self) -> str:
        return f"<Models [{len(self._names)} names]>"


def _openai_entries(document: Any) -> dict[str, dict[str, Any]]:
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
