"""The keys in memory: what a request is checked against.

Owns the look-up and its refresh from the database, which is never on the path of a request with a
known key. A key made a moment ago is found at once (an unknown id asks the database), a revoked one
ends within `POLL_S`. A database that is away raises `KeysUnavailable`: 503, never 401.
"""

from __future__ import annotations

import asyncio
import hmac
import logging
from datetime import UTC, datetime

from sqlalchemy.exc import SQLAlchemyError

from gateway.key_form import digest, read_key
from gateway.keys import Key, KeyStore

POLL_S = 1.0
log = logging.getLogger(__name__)


class KeysUnavailable(Exception):
    """The database did not answer, so whether a key is good cannot be told."""


class KeyTable:
    """Finds the key of a caller. One event loop uses it; refreshes run in a thread."""

    def __init__(self, store: KeyStore, pepper: bytes) -> None:
        self._store = store
        self._pepper = pepper
        self._keys: dict[str, Key] = {}
        self._version = -1
        self._refreshing = asyncio.Lock()

    async def find(self, text: str) -> Key | None:
        """The active key that `text` is, or None. Compares in constant time."""
        offered = read_key(text)
        if offered is None:
            return None
        key = self._keys.get(offered.public_id)
        if key is None:
            await self.refresh()
            key = self._keys.get(offered.public_id)
        # An unknown id is compared too, so that time does not tell which ids exist.
        stored = key.digest if key else bytes(32)
        same = hmac.compare_digest(digest(offered, self._pepper), stored)
        return key if key and same and key.state(datetime.now(UTC)) == "active" else None

    async def refresh(self) -> None:
        """Reads the keys again when they changed; raises `KeysUnavailable`."""
        async with self._refreshing:
            try:
                version = await asyncio.to_thread(self._store.version)
                if version != self._version:
                    keys = await asyncio.to_thread(self._store.all)
                    self._keys = {key.public_id: key for key in keys}
                    self._version = version
            except SQLAlchemyError as error:
                raise KeysUnavailable(type(error).__name__) from error

    async def follow(self) -> None:
        """Keeps the table fresh until cancelled."""
        while True:
            await asyncio.sleep(POLL_S)
            try:
                await self.refresh()
            except KeysUnavailable as error:
                log.warning("the key database does not answer (%s); known keys go on", error)

    def __repr__(self) -> str:
        return f"<KeyTable [{len(self._keys)} keys, version {self._version}]>"
