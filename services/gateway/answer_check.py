"""Whether an answer can be read by the caller's SDK; what no SDK can read becomes an error here.

Owns the look at a whole answer and at each event of a stream: JSON or not, an error or not, the end
or not. SDKs raise a bare decoding error for what is not JSON, and take a stream without an error
for whole. It changes no byte, and never waits.
"""

from __future__ import annotations

from typing import Any

import orjson

from gateway.errors import GatewayError, ModelServerUnreadable
from gateway.event_shape import EventShape
from gateway.events import event_data, split_events
from gateway.model_errors import error_in_event
from gateway.usage import UsageMeter, is_usage_only, speaks_of_usage

_FIELDS = (b"data", b"event", b"id", b"retry", b":")
_NOT_JSON = "The model server sent an event whose data is not JSON."
_NOT_TEXT = "The model server sent an event that is not text."
_NO_EVENT = "The model server sent a line that belongs to no event."


def read_whole(body: bytes) -> Any:
    """The document in an answer's body; raises `ModelServerUnreadable`."""
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        raise ModelServerUnreadable(
            "The model server's answer is not JSON, or not all of it."
        ) from None


class StreamCheck:
    """Looks at one stream's events as they pass, each once, and shows them to the usage meter.

    `ended`: the end has come, which is `[DONE]` or a type; text that only speaks of it is not it.
    `shape`: what a usual event looks like, to tell the next ones by.
    `error`: where the stream stops. `told`: an error that the stream went on after.
    """

    __slots__ = (
        "_begun",
        "_drop_usage",
        "_end_marks",
        "_extra",
        "_goes_on",
        "_meter",
        "ended",
        "error",
        "shape",
        "told",
    )

    def __init__(
        self,
        end_marks: tuple[str, ...],
        meter: UsageMeter,
        *,
        goes_on: bool = False,
        drop_usage: bool = False,
    ) -> None:
        """`goes_on`: an error that is not the first event does not end the stream.

        `drop_usage`: the chunk of usage that the caller did not ask for is left out.
        """
        self._end_marks = end_marks
        self._meter = meter
        self._goes_on = goes_on
        self._drop_usage = drop_usage
        self._extra = False
        self._begun = False
        self.shape = EventShape()
        self.ended = False
        self.error: GatewayError | None = None
        self.told: GatewayError | None = None

    def usual_events(self, piece: bytes) -> int:
        """How many events a piece holds, if each is whole and says only what the model said.

        0: there is an end, an error, usage, something to leave out or a part of an event in it.
        Notes nothing.
        """
        if not piece.endswith(b"\n\n"):
            return 0
        events = piece[:-2].split(b"\n\n")
        if not all(map(self._is_usual, events)):
            return 0
        self.shape.learn(events[-1] + b"\n\n")
        return len(events)

    def _is_usual(self, event: bytes) -> bool:
        data = 0
        if event.startswith(b"event: "):
            data = event.find(b"\n") + 1
            if not event[:data].isascii() or event.startswith(b"event: error"):
                return False
        if not event.startswith(b"data: {", data) or b"\n" in event[data:]:
            return False
        return self._says_usual(event[data + 6 :])

    def _says_usual(self, data: bytes) -> bool:
        try:
            document = orjson.loads(data)
        except orjson.JSONDecodeError:
            return False
        kind = document.get("type")
        if kind is not None and (kind in self._end_marks or kind == "error"):
            return False
        return not (document.get("error") or speaks_of_usage(document))

    def take(self, run: bytes) -> bytes:
        """The events of a run of whole ones that can be passed on: all, or those before `error`."""
        if b"\r" in run:
            events, end = list(split_events(run)), b""
        else:
            events, end = run.split(b"\n\n")[:-1], b"\n\n"
        good = []
        for event in events:
            if event and not self._look_at_lines(event):
                break
            self._begun = True
            if not self._extra:
                good.append(event)
            self._extra = False
        return run if len(good) == len(events) else b"".join(event + end for event in good)

    def _look_at_lines(self, event: bytes) -> bool:
        """Whether an event is good: one line of data, maybe a name before it, else any form."""
        head, _, data = event.partition(b"data: ")
        if data and b"\n" not in data and b"\r" not in event:
            if not head:
                return self._look("", data)
            name = head[7:-1]
            if head.startswith(b"event: ") and name.isascii() and head.find(b"\n") == len(head) - 1:
                return self._look(name.decode(), data)
        return self._look_at_fields(event)

    def _look_at_fields(self, event: bytes) -> bool:
        try:
            event.decode()
        except UnicodeDecodeError:
            return self._unreadable(_NOT_TEXT)
        lines = event.splitlines()
        if not all(line.startswith(_FIELDS) for line in lines if line):
            return self._unreadable(_NO_EVENT)
        names = [line[6:].strip() for line in lines if line.startswith(b"event:")]
        data = event_data(event)
        return not data or self._look(names[-1].decode() if names else "", data)

    def _look(self, name: str, data: bytes) -> bool:
        try:
            document = orjson.loads(data)
        except orjson.JSONDecodeError:
            if data.strip() == b"[DONE]":
                self.ended = self.ended or "[DONE]" in self._end_marks
                return True
            document = None
        if type(document) is not dict:
            self.error = error_in_event(name, None)
            return self.error is None and self._unreadable(_NOT_JSON)
        self._meter.see_event(document)
        self._extra = self._drop_usage and is_usage_only(document)
        kind = document.get("type")
        if kind in self._end_marks:
            self.ended = True
        elif name == "error" or kind == "error" or document.get("error"):
            return self._is_told(error_in_event(name, document))
        return True

    def _is_told(self, error: GatewayError | None) -> bool:
        if self._goes_on and self._begun:
            self.told = error
        else:
            self.error = error
        return self.error is None

    def _unreadable(self, words: str) -> bool:
        self.error = ModelServerUnreadable(words)
        return False
