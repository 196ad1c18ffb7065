"""One HTTP/1.1 answer as the parser tells it: head, pieces of body, end.

Owns what ends an answer's body (RFC 9112, section 6.3), the limit on what is not body, and whether
the connection may serve again. It has no socket; `wire` feeds it.
"""

from __future__ import annotations

from functools import lru_cache

import httptools

# What may arrive without a byte of body: head, 1xx answers, chunk extensions, trailers.
MAX_OVERHEAD_BYTES = 32 * 1024


@lru_cache(maxsize=64)
def _lower(name: bytes) -> str:
    """A header's name; a model server has few."""
    return name.decode("latin-1").lower()


class Broken(Exception):
    """The connection ended, or the bytes on it were not an HTTP answer."""


class NoAnswer(Broken):
    """What came is not HTTP."""


class _Surplus(Exception):
    """A second answer, to a request that was never sent."""


class Reply:
    """Takes the callbacks of `httptools.HttpResponseParser`; serves one exchange after another."""

    def __init__(self) -> None:
        self._parser: httptools.HttpResponseParser | None = None
        self._begin()

    def _begin(self) -> None:
        """Forgets the last exchange."""
        self.status = 0
        self.headers: dict[str, str] = {}
        self._pieces: list[bytes] = []  # of the body, not read yet
        self._unread = 0  # their bytes
        self._overhead = 0  # bytes since the last one of body
        self._head_bytes = 0
        self._head_done = False
        self._whole = False
        self._reusable = False
        self._until_close = False

    def _feed(self, data: bytes) -> None:
        """Raises `Broken` for what is no answer and for one with too much around its body."""
        if self._parser is None:
            raise Broken("The connection is closed.")
        self._overhead += len(data)
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            raise NoAnswer(f"That is no HTTP answer: {error}.") from error
        if self._overhead > MAX_OVERHEAD_BYTES:
            raise Broken("The answer's headers are too large.")

    def on_message_begin(self) -> None:
        if self._whole:
            raise _Surplus

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._head_done:
            return  # a trailer
        self._head_bytes += len(name) + len(value)
        if self._head_bytes > MAX_OVERHEAD_BYTES:
            raise Broken("The answer's headers are too large.")
        self.headers.setdefault(_lower(name), value.decode("latin-1").strip(" \t"))

    def on_headers_complete(self) -> None:
        if self._parser is None:
            return
        self.status = self._parser.get_status_code()
        if self.status < 200:
            return
        self._head_done = True
        coding = self.headers.get("transfer-encoding", "").lower()
        self._until_close = "content-length" not in self.headers and not coding.endswith("chunked")

    def on_body(self, body: bytes) -> None:
        self._pieces.append(body)
        self._unread += len(body)
        self._overhead = 0

    def on_message_complete(self) -> None:
        if not self._head_done:  # a 1xx answer: the real one follows
            self.headers = {}
            return
        self._whole = True
        self._reusable = self._parser is not None and self._parser.should_keep_alive()
