"""The keys in memory: what a request is checked against.

Owns the look-up and its freshness. The mark in the data folder is read on every request, so that a
change takes effect on the very next one; the database is read only after a change, once for all who
wait. A gateway that does not share the data folder with the writer learns of changes within
`POLL_S`. A database that is away raises `KeysUnavailable`: 503, never 401.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import logging
import time
from collections.abc import Callable
from datetime import UTC, datetime

from sqlalchemy.exc import SQLAlchemyError

from gateway.key_form import (
    KEY_CHARS,
    SDK_TOKEN_CHARS,
    digest,
    read_key,
    read_sdk_token,
    sdk_token,
)
from gateway.key_store import KeyStore
from gateway.keys import Key

POLL_S = 0.5
UNKNOWN_ASK_S = 0.2
log = logging.getLogger(__name__)


class KeysUnavailable(Exception):
    """The database did not answer, so whether a key is good cannot be told."""


def _utc_now() -> datetime:
    return datetime.now(UTC)


class KeyTable:
    """Finds the key of a caller. One event loop uses it; refreshes run in a thread."""

    def __init__(
        self,
        store: KeyStore,
        pepper: bytes,
        now: Callable[[], datetime] = _utc_now,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store = store
        self._pepper = pepper
        self._now = now
        self._clock = clock
        self._keys: dict[str, Key] = {}
        self._proven: dict[bytes, Key] = {}
        self._version = -1
        self._mark = store.mark
        self._seen: int | None = None
        self._asked_at = float("-inf")
        self._failed = False
        self._refreshing = asyncio.Lock()

    async def find(self, text: str) -> Key | None:
        """The working key that `text` is, or None. Compares in constant time."""
        if len(text) != KEY_CHARS and len(text) != SDK_TOKEN_CHARS:
            return None
        if self._stale():  # costs one lseek
            await self.ensure_fresh()
        # By the whole SHA-256, never by a part of the key (the class of CVE-2026-35030). Only
        # digests of good keys get in, so there are at most as many as keys.
        shortcut = hashlib.sha256(text.encode()).digest()
        key = self._proven.get(shortcut)
        if key is None:
            key = await self._prove(text)
            if key is None:
                return None
            self._proven[shortcut] = key
        return key if key.works(self._now()) else None

    async def ensure_fresh(self) -> None:
        """Reads the keys again when the mark says that they changed."""
        async with self._refreshing:
            if self._stale():  # else somebody did it while this caller waited
                await self._reload()

    def _stale(self) -> bool:
        return self._seen is None or (self._mark is not None and self._mark.read() != self._seen)

    def sdk_token(self, key: Key) -> str:
        """The key in the form of LM Studio's tokens; `find` takes both."""
        return sdk_token(key.public_id, key.digest, self._pepper)

    async def _prove(self, text: str) -> Key | None:
        if begins := read_sdk_token(text):
            return await self._prove_token(text, begins)
        offered = read_key(text)
        if offered is None:
            return None
        if offered.public_id not in self._keys:
            await self._ask_for_unknown()
        key = self._keys.get(offered.public_id)
        # An unknown id is compared too, so that time does not tell which ids exist.
        stored = key.digest if key else bytes(32)
        same = hmac.compare_digest(digest(offered, self._pepper), stored)
        return key if key and same else None

    async def _prove_token(self, text: str, begins: str) -> Key | None:
        if not any(public_id.startswith(begins) for public_id in self._keys):
            await self._ask_for_unknown()
        found = None
        for key in self._keys.values():
            if key.public_id.startswith(begins) and hmac.compare_digest(self.sdk_token(key), text):
                found = key
        if found is None:  # an unknown one takes the time of a comparison too
            hmac.compare_digest(sdk_token(begins, bytes(32), self._pepper), text)
        return found

    async def _ask_for_unknown(self) -> None:
        """A key may have been made where this gateway sees no mark; asks a few times a second.

        A bound on time, not a list of ids already asked for: a stranger can send a new id with a
        valid checksum each time, which fills any list and asks all the same.
        """
        async with self._refreshing:
            if self._clock() - self._asked_at >= UNKNOWN_ASK_S or self._failed:
                await self._reload()

    async def refresh(self) -> None:
        """Reads the keys again when their version changed; raises `KeysUnavailable`."""
        async with self._refreshing:
            await self._reload()

    async def _reload(self) -> None:
        if self._failed and self._clock() - self._asked_at < UNKNOWN_ASK_S:
            raise KeysUnavailable("asked a moment ago")
        mark = self._mark.read() if self._mark else 0  # before the rows: never newer than they
        self._failed, self._asked_at = True, self._clock()
        try:
            version = await asyncio.to_thread(self._store.version)
            if version != self._version:
                found = await asyncio.to_thread(self._store.unrevoked)
                # Only the event loop's thread swaps them, so no request sees a mixture.
                self._keys = {key.public_id: key for key in found}
                self._proven, self._version = {}, version
        except SQLAlchemyError as error:
            self._asked_at = self._clock()  # whoever waited meanwhile is told at once
            raise KeysUnavailable(type(error).__name__) from error
        self._seen, self._failed = mark, False

    async def follow(self) -> None:
        """Keeps the table fresh until cancelled, also where the mark cannot be seen."""
        away = False
        while True:
            await asyncio.sleep(POLL_S)
            try:
                if self._mark:
                    self._mark.reopen()
                await self.refresh()
            except KeysUnavailable as error:
                if not away:
                    log.warning("the key database does not answer (%s); known keys go on", error)
                away = True
            else:
                away = False

    def __repr__(self) -> str:
        return f"<KeyTable [{len(self._keys)} keys, version {self._version}]>"
