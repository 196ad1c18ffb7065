"""The pictures of the chats that pages show, each under an address that nobody can guess.

Owns: those addresses and how many bytes of pictures are at hand. A picture's bytes are in the
question it was attached to; here is only the way to them.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections import OrderedDict

from chat_client import Entry, Image

MOST_BYTES = 64 * 1024 * 1024  # the least recently drawn go first; drawn again, they are back
PATH = "/pictures"


class Pictures:
    """One for the process."""

    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        self._most_bytes = most_bytes
        self._secret = secrets.token_bytes(32)
        self._known: OrderedDict[str, Image] = OrderedDict()
        self._bytes = 0

    def address(self, entry: Entry, number: int) -> str:
        """Where a page finds a question's picture, while this process lives."""
        place = f"{entry.id}/{number}".encode()
        key = hmac.new(self._secret, place, hashlib.sha256).hexdigest()[:40]
        if key not in self._known:
            self._known[key] = entry.images[number]
            self._bytes += len(entry.images[number].data_url)
        self._known.move_to_end(key)
        while self._bytes > self._most_bytes and len(self._known) > 1:
            _, gone = self._known.popitem(last=False)
            self._bytes -= len(gone.data_url)
        return f"{PATH}/{key}"

    def find(self, key: str) -> Image | None:
        return self._known.get(key)
