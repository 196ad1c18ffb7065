"""The shape of a stream's usual event: all that stays the same while the model's text changes.

Owns one comparison that spares most events their parsing. An event that has been parsed and found
usual lends its bytes before and after the text; what has the same bytes around another plain text
is the same JSON with another string, so it says as little. It reads no JSON and decides nothing
about an event that differs.
"""

from __future__ import annotations

# What opens the model's text: chat's, completions' and messages', responses'. The quote before the
# colon closes a name (in a string it would be escaped), so the one after it opens a value.
_OPENINGS = tuple(
    b'"%b":%b"' % (name, space)
    for name in (b"content", b"reasoning_content", b"text", b"delta")
    for space in (b"", b" ")
)
# Leaves a plain text as it is: no character beyond ASCII (pieces of two could join to a whole one
# here), none that a JSON string cannot hold as it is (RFC 8259, section 7), none that escapes
# another. Each of those becomes a question mark, which none of them is.
_PLAIN = bytes(b if 32 <= b < 128 and b not in b'"\\' else ord("?") for b in range(256))


class EventShape:
    """The shape that one stream's events have at present; none to begin with."""

    __slots__ = ("_after", "_before", "_between", "_size")

    def __init__(self) -> None:
        self._before = self._after = self._between = b""
        self._size = 0

    def events_in(self, piece: bytes) -> int:
        """How many events of this shape a piece is made of; 0 if anything in it is different.

        Between two texts stand the end of one event and the beginning of the next. Both hold
        quotes and a plain text holds none: what is left without any was a row of plain texts.
        """
        size = self._size
        if not size or not piece.startswith(self._before) or not piece.endswith(self._after):
            return 0
        texts = piece[len(self._before) : -len(self._after)]
        if len(texts) >= size:
            texts = texts.replace(self._between, b"")
        if texts.translate(_PLAIN) != texts:
            return 0
        return (len(piece) - len(texts)) // size

    def learn(self, event: bytes) -> None:
        """Takes the shape of one event, with its end, that was parsed and says nothing special."""
        if self._size and event.startswith(self._before) and event.endswith(self._after):
            return  # known: its text was not plain
        for opening in _OPENINGS:
            if (found := event.find(opening)) >= 0:
                begin = found + len(opening)
                end = event.find(b'"', begin)
                if b"\\" not in event[begin:end]:
                    self._before, self._after = event[:begin], event[end:]
                    self._between = self._after + self._before
                    self._size = len(self._between)
                return
