"""Cuts a stream of server-sent events at event borders, whatever way its bytes were split.

Owns framing only: nothing is parsed or changed. What is not yet a whole event is kept back until
its end arrives; a reader could not use it before anyway. Format: the HTML standard, section
"Server-sent events".
"""

from __future__ import annotations

from collections.abc import Iterator

_ENDS = (b"\n\n", b"\r\n\r\n", b"\r\r")
# A model server that sends a line without end must not fill the memory.
MAX_EVENT_BYTES = 16 * 1024 * 1024


class EventTooLong(Exception):
    """An event without end: more than `MAX_EVENT_BYTES` came without an empty line."""


class EventCutter:
    """Takes pieces as they come and gives back what is made of whole events."""

    def __init__(self) -> None:
        self._kept = bytearray()

    def feed(self, piece: bytes) -> bytes:
        """The whole events that are complete now, as one run of bytes; b"" if there is none."""
        if not self._kept and piece.endswith(b"\n\n"):
            return piece  # the usual case: model servers write event by event
        before = len(self._kept)
        self._kept += piece
        # An end may begin in what was kept, so the search starts a little before the new bytes.
        cut = max(self._end_of_last(mark, max(0, before - 3)) for mark in _ENDS)
        if cut == 0:
            if len(self._kept) > MAX_EVENT_BYTES:
                raise EventTooLong
            return b""
        whole = bytes(self._kept[:cut])
        del self._kept[:cut]
        return whole

    @property
    def holding(self) -> bool:
        """Whether a part of an event is kept back."""
        return bool(self._kept)

    def rest(self) -> bytes:
        """What is left when the stream has ended: an event without its empty line, or b""."""
        rest = bytes(self._kept)
        self._kept.clear()
        return rest

    def _end_of_last(self, mark: bytes, start: int) -> int:
        found = self._kept.rfind(mark, start)
        return found + len(mark) if found >= 0 else 0


def split_events(run: bytes) -> Iterator[bytes]:
    """The single events of a run of whole ones, each with its end; for the few that matter."""
    while run:
        ends = [found + len(mark) for mark in _ENDS if (found := run.find(mark)) >= 0]
        cut = min(ends, default=len(run))
        yield run[:cut]
        run = run[cut:]


def event_data(event: bytes) -> bytes:
    """The data of one event: its `data` lines joined by newlines."""
    lines = event.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")
    return b"\n".join(line[5:].removeprefix(b" ") for line in lines if line.startswith(b"data:"))
