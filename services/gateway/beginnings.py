"""Which model server has read the beginning of a conversation, and which keeps an answer.

Owns two short memories. The first is of beginnings, so that a conversation goes back to the KV
cache that knows it: who asked first what, and the first bytes of a body, for long documents that
many conversations share. The second is of answers' ids: `previous_response_id` means something to
the server that gave it alone. Hashes and ids only, no text; pure, and lost with the process.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

import orjson

# A body's beginnings that are remembered, in bytes: a longer one that is known counts for more.
BEGINNINGS = (16_384, 4_096, 1_024)
# Parsing a larger body costs more than a cache that knows it would save.
MAX_PARSED_BYTES = 256 * 1024
MAX_REMEMBERED = 4_096
_PREVIOUS = b'"previous_response_id"'


class Recent:
    """The names that were noted last, by key: so many and no more."""

    def __init__(self) -> None:
        self._names: OrderedDict[object, str] = OrderedDict()

    def get(self, key: object) -> str | None:
        """The name that was noted for this key, or None."""
        return self._names.get(key)

    def note(self, key: object, name: str) -> None:
        """Remembers a name, and forgets what is oldest."""
        self._names[key] = name
        self._names.move_to_end(key)
        if len(self._names) > MAX_REMEMBERED:
            self._names.popitem(last=False)

    def __repr__(self) -> str:
        return f"<Recent [{len(self._names)}]>"


class Beginning:
    """What a body tells of its conversation: `keys`, the most telling first, and what it goes on.

    `previous` is the id of the answer that the server is to go on from, or an empty string.
    """

    __slots__ = ("keys", "previous")

    def __init__(self, body: bytes) -> None:
        self.previous = ""
        self.keys = [hash(body[:size]) for size in BEGINNINGS if len(body) >= size]
        if len(body) <= MAX_PARSED_BYTES or _PREVIOUS in body:
            document = _object(body)
            previous = document.get("previous_response_id")
            self.previous = previous if isinstance(previous, str) else ""
            if (opening := _opening(document)) is not None:
                self.keys.insert(0, opening)


class Beginnings:
    """Which server read the beginning of a conversation last."""

    def __init__(self) -> None:
        self._servers = Recent()

    def server_of(self, beginning: Beginning) -> str | None:
        """The server that knows the most of this conversation, or None."""
        for key in beginning.keys:
            if (name := self._servers.get(key)) is not None:
                return name
        return None

    def remember(self, beginning: Beginning, name: str) -> None:
        """The server has read this."""
        for key in beginning.keys:
            self._servers.note(key, name)

    def __repr__(self) -> str:
        return f"<Beginnings {self._servers!r}>"


def _object(body: bytes) -> dict[str, Any]:
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError:
        return {}
    return document if isinstance(document, dict) else {}


def _opening(document: dict[str, Any]) -> int | None:
    """Everything up to the first question: the same in each turn of a conversation."""
    messages = document.get("messages") or document.get("input")
    if not isinstance(messages, list):
        return None
    first = next((n for n, m in enumerate(messages) if _from_user(m)), None)
    if first is None:
        return None
    opening = [document.get(name) for name in ("model", "system", "instructions")]
    try:
        text = orjson.dumps([*opening, *messages[: first + 1]])
    except TypeError:  # it writes fewer levels than it reads
        return None
    # Python's hash of bytes is keyed anew in each process, so nobody can choose collisions.
    return hash(text)


def _from_user(message: Any) -> bool:
    return isinstance(message, dict) and message.get("role") == "user"
