"""The head of a request to the model server, as bytes.

Owns what the gateway itself says in it (host, token, framing) and the refusal of everything that
could end a line early: a value from a caller never becomes a header or a request of its own.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from urllib.parse import urlsplit

from gateway.errors import BadRequest

_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_NOT_IN_TARGET = re.compile(r"[^\x21-\x7e\x80-\xff]")
# A server may take `/models/../x` for `/x`, a route that the gateway does not pass on.
_DOT_SEGMENT = re.compile(r"/\.{1,2}(?=[/?]|$)")
_NOT_IN_VALUES = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
# Framing, routing and credentials are the gateway's own.
_OURS = frozenset(
    ("authorization", "connection", "content-length", "expect", "host", "keep-alive", "te")
) | {"proxy-authorization", "trailer", "transfer-encoding", "upgrade"}
_WITH_BODY = frozenset(("POST", "PUT", "PATCH"))
# Longer ones are built each time: what callers send must not fill the memory.
CACHED_CHARS = 512
_METHODS = _WITH_BODY | {"GET", "DELETE", "OPTIONS"}


class RequestHead:
    """Builds heads for one model server; `url` is its root, `token` may be empty."""

    def __init__(self, url: str, token: str) -> None:
        self._fixed = f" HTTP/1.1\r\nHost: {urlsplit(url).netloc}\r\n"
        if token:
            self._fixed += f"Authorization: Bearer {token}\r\n"

    def build(self, method: str, path: str, headers: Mapping[str, str], body_bytes: int) -> bytes:
        """The head up to and with the empty line; raises `BadRequest`.

        `path` is encoded already and may carry a query.
        """
        # An SDK sends the same head with every call, so its lines are checked and built once.
        short = sum(map(len, headers.values())) + len(path) <= CACHED_CHARS
        build = _cached_lines if short else _lines
        lines = build(method, path, self._fixed, tuple(headers.items()))
        if body_bytes or method in _WITH_BODY:
            return b"%sContent-Length: %d\r\n\r\n" % (lines, body_bytes)
        return lines + b"\r\n"


def _lines(method: str, path: str, fixed: str, headers: tuple[tuple[str, str], ...]) -> bytes:
    """The checked lines of a head, but for the length of a body."""
    if method not in _METHODS:
        raise ValueError(f"the method {method!r} is not relayed")  # HEAD has its own framing
    for name, value in headers:
        if not _TOKEN.fullmatch(name):
            raise BadRequest("A header of the request has a name that cannot be one.")
        if name.lower() in _OURS:
            raise ValueError(f"the header {name} is the gateway's own")
        if _NOT_IN_VALUES.search(value):
            raise BadRequest("A header of the request has a character that must not be in one.")
    if not path.startswith("/") or _NOT_IN_TARGET.search(path):
        raise BadRequest("The request's address has a character that must not be in one.")
    if _DOT_SEGMENT.search(path.partition("?")[0]):
        raise BadRequest("The request's address must not hold `.` or `..` as a part.")
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers)
    try:
        return f"{method} {path}{fixed}{lines}".encode("latin-1")
    except UnicodeEncodeError:
        raise BadRequest("A header of the request has a character beyond Latin-1.") from None


_cached_lines = lru_cache(maxsize=256)(_lines)
