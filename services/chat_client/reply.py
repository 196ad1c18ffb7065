"""One answer under way, for pages whose scripts come and go: a reload finds it again.

Owns: being the only reader of its Answer and filling the turn's entry with what comes. Who
draws it, and where it is kept, are the business of others.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

from chat_client.background import Answer
from chat_client.dialogue import Turn
from chat_client.dialogue_entry import Entry
from chat_client.exchange import Exchange
from chat_client.waiting import Waiting


class Reply:
    """Feeds a turn from an answer; `ended` is called once, on whichever thread."""

    def __init__(self, turn: Turn, answer: Answer, ended: Callable[[], None] = lambda: None):
        self.entry: Entry = turn.answer
        self._turn = turn
        self._answer = answer
        self._ended = ended
        self._lock = threading.Lock()  # A reload has two scripts reading for a moment.

    @property
    def open(self) -> bool:
        return self.entry.state == "coming"

    @property
    def turn(self) -> Turn:
        return self._turn

    @property
    def waiting(self) -> Waiting:
        """What the first token waits for, besides the model."""
        return self._answer.waiting

    @property
    def exchange(self) -> Exchange:
        """What went over the wire."""
        return self._answer.exchange

    def take(self, timeout_s: float) -> bool:
        """Waits up to `timeout_s` for more and takes it in; False when nothing has changed."""
        with self._lock:
            if not self.open:
                return False
            pieces = self._answer.poll(timeout_s)
            for piece in pieces:
                self._turn.take(piece)
            if self._answer.done:
                self._close()
            return bool(pieces) or not self.open

    def take_last(self) -> None:
        """Takes in what is left of an answer that has ended while nobody was reading."""
        if self._answer.over:
            self.take(0)

    def stop(self) -> None:
        """Closes the upstream and keeps what has come."""
        self._answer.stop()  # Without the lock: it must not wait for a reader.
        self.take(0)
        with self._lock:
            if self.open:
                self._close()

    def _close(self) -> None:
        error, so_far = self._answer.error, self.exchange.so_far()
        if error is None and self.entry.stats is None:
            self.entry.stop(so_far)
        else:
            self.entry.end(error, so_far)
        self._ended()
