"""Which models the model servers have, and how many predictions each runs at once.

Owns a short-lived copy of the model servers' lists, aliases, and the answer to a name that does not
exist: LM Studio would let whatever model is loaded answer it (lmstudio-bug-tracker issue 619), so
the gateway names the ones that exist instead.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence

from gateway.aliases import Aliases
from gateway.catalogue import Catalogue, Entry, ask_catalogue
from gateway.errors import (
    GatewayError,
    ModelForbidden,
    ModelServerSilent,
    ModelUnknown,
    NoModelServer,
)
from gateway.keys import Key
from gateway.routes import Where
from gateway.upstreams import RETRY_AFTER_S, Upstreams
from gateway.watched_server import WatchedServer

FRESH_S = 5.0
RETRY_S = 0.5
ASK_TIMEOUT_S = 5.0
USUAL_SLOTS = 4  # LM Studio's "Max Concurrent Predictions" when nothing else is set
MAX_NAMES_SHOWN = 20


class Models:
    """The model server's models as of a few seconds ago."""

    def __init__(
        self, upstreams: Upstreams, aliases: Aliases, fixed_slots: Mapping[str, int]
    ) -> None:
        """`fixed_slots`: of a model on each server; 0: as the server says."""
        self._upstreams = upstreams
        self._aliases = aliases
        self._fixed_slots = fixed_slots
        self._catalogues: dict[str, Catalogue] = {}  # by server
        self._having: dict[str, dict[str, int]] = {}  # by model: servers with its slots there
        self._slots: dict[str, int] = {}  # by model: on all servers
        self._entries: dict[str, Entry] = {}
        self._failure: GatewayError | None = None
        self._asked_at = float("-inf")
        self._asking = asyncio.Lock()
        self._refreshing: asyncio.Task[None] | None = None

    async def resolve(self, model: str, key: Key) -> str:
        """The real id behind a name; raises `ModelUnknown` or `ModelForbidden`.

        An empty name stays empty: the model server picks. While its lists cannot be had, any name
        passes: the request itself will meet the same failure and tell it better.
        """
        real = self._aliases.real(model)
        if not real:
            if key.models:
                raise ModelForbidden("This key is for certain models: name one in 'model'.")
            return real
        if not key.may_use(real):
            raise ModelForbidden(f"This key may not use the model {real!r}.")
        if real not in self._having:
            await self._refresh(RETRY_S)
        elif time.monotonic() - self._asked_at > FRESH_S and self._refreshing is None:
            self._refreshing = asyncio.create_task(self._refresh(FRESH_S))
            self._refreshing.add_done_callback(self._refreshed)
        if self._having and real not in self._having:
            default = self._aliases.get("*")
            if default is not None and default in self._having and key.may_use(default):
                return default
            self._refuse_if_away(real)
            raise ModelUnknown(f"There is no model {model!r}. {self._sentence(key)}", param="model")
        return real

    def servers(self, model: str, where: Where = Where.HAS_MODEL) -> Mapping[str, int]:
        """The servers to ask, each with its slots for the model (0: not loaded); empty: any.

        Raises `NoModelServer` when who has it is away.
        """
        if where is Where.FIRST:
            return {self._upstreams.names[0]: 1}
        having = self._having.get(model)
        if having is None:
            self._refuse_if_away(model)
            return {}
        if where is Where.LACKS_MODEL:
            return {name: slots for name, slots in having.items() if not slots} or having
        return having

    async def entries(self) -> dict[str, Entry]:
        """What `/v1/models` lists, by id; raises when the model server cannot be asked."""
        await self._refresh(RETRY_S if self._failure else FRESH_S)
        if self._failure is not None:
            raise self._failure
        return self._entries

    def alias(self, name: str) -> str:
        """The real name behind another one, or the name itself."""
        return self._aliases.real(name)

    def usable(self, key: Key) -> list[str]:
        """The names that the key may use, other names included."""
        own = {name for name in self._having if key.may_use(name)}
        return sorted(own | {name for name, _ in self.aliases(key)})

    def aliases(self, key: Key) -> Iterator[tuple[str, str]]:
        """Each other name with its real one, where that exists and the key may use it."""
        for name, real in self._aliases.items():
            if name != "*" and real in self._having and key.may_use(real):
                yield name, real

    def slots(self, model: str) -> int:
        """How many predictions of a model run at once, on all servers that have it loaded."""
        return self._slots.get(model) or self._unsaid_slots(s.name for s in self._upstreams.asked())

    def _unsaid_slots(self, servers: Iterable[str]) -> int:
        """Slots of a model that nobody has loaded, or of which nothing is known."""
        return sum(self._fixed_slots[name] or USUAL_SLOTS for name in servers) or USUAL_SLOTS

    async def _refresh(self, older_than_s: float) -> None:
        """Asks again unless the copy is younger; keeps old copies of who does not answer."""
        async with self._asking:
            if time.monotonic() - self._asked_at < older_than_s:
                return
            servers = self._upstreams.asked()
            found = await asyncio.gather(*(_ask(server) for server in servers))
            self._asked_at = time.monotonic()
            failures = [reply for reply in found if isinstance(reply, GatewayError)]
            self._failure = None if len(failures) < len(found) else first_failure(failures)
            for server, reply in zip(servers, found, strict=True):
                if isinstance(reply, Catalogue):
                    self._catalogues[server.name] = reply
            self.merge()

    def merge(self) -> None:
        """Puts together what the servers list that answer: after asking, and when that changes."""
        entries: dict[str, Entry] = {}
        having: dict[str, dict[str, int]] = {}
        for server in self._upstreams.names:  # in the operator's order
            catalogue = self._catalogues.get(server)
            if catalogue is not None and self._upstreams.offers(server):
                entries = {**catalogue.entries, **entries}
                for name in catalogue.names:
                    having.setdefault(name, {})[server] = self._slots_on(server, name)
        self._entries, self._having = entries, having
        self._slots = {
            name: sum(servers.values()) or self._unsaid_slots(servers)
            for name, servers in having.items()
        }

    def _slots_on(self, server: str, model: str) -> int:
        """Predictions of a model that a server runs at once; 0 where it would have to be loaded."""
        catalogue = self._catalogues[server]
        loaded = catalogue.slots.get(model, 0 if catalogue.native else USUAL_SLOTS)
        return loaded and (self._fixed_slots[server] or loaded)

    def _refreshed(self, _task: asyncio.Task[None]) -> None:
        self._refreshing = None

    def _refuse_if_away(self, model: str) -> None:
        """A model that a server had which is away now is not unknown."""
        for server, catalogue in self._catalogues.items():
            if model in catalogue.names and not self._upstreams.offers(server):
                raise NoModelServer(
                    f"The model server {server!r}, which has {model!r}, does not answer right now.",
                    retry_after_s=RETRY_AFTER_S,
                )

    def _sentence(self, key: Key) -> str:
        names = self.usable(key)
        more = len(names) - MAX_NAMES_SHOWN
        listed = ", ".join(names[:MAX_NAMES_SHOWN]) + (f" and {more} more" if more > 0 else "")
        return f"There are: {listed}."

    def __repr__(self) -> str:
        return f"<Models [{len(self._having)} names]>"


async def _ask(server: WatchedServer) -> Catalogue | GatewayError:
    """A server's lists, or why they cannot be had."""
    try:
        async with asyncio.timeout(ASK_TIMEOUT_S):
            return await ask_catalogue(server)
    except TimeoutError:
        return ModelServerSilent("The model server did not list its models.")
    except GatewayError as error:
        return error


def first_failure(failures: Sequence[GatewayError]) -> GatewayError:
    """Why no server listed anything; without any that was asked, they are all away."""
    if failures:
        return failures[0]
    return NoModelServer("No model server answers right now.", retry_after_s=RETRY_AFTER_S)
