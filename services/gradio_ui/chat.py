"""One person's conversation: what was asked, what came back, and what the model is sent next.

Owns the record of each exchange and the rule of what the model gets to see of it. It draws
nothing and calls nobody, so that a conversation can one day come from elsewhere than this process.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Literal

from chat_client import ChatError, Finished, Message, Piece, Reasoning, Stats, Text

Phase = Literal["in line", "reading", "thinking", "answering", "done", "stopped", "failed"]
ENDINGS: tuple[Phase, ...] = ("done", "stopped", "failed")


@dataclass
class Exchange:
    """One question and as much of its answer as came. Times are seconds of the monotonic clock."""

    question: str
    model: str
    phase: Phase = "in line"
    place: int = 0  # in line, counted from 1; 0: not waiting
    reasoning: str = ""
    text: str = ""
    stats: Stats | None = None
    error: ChatError | None = None
    asked_at: float = field(default_factory=time.monotonic)
    thought_from: float | None = None
    thought_s: float | None = None
    ended_at: float | None = None

    def take(self, piece: Piece) -> None:
        """Adds what the model sent."""
        if isinstance(piece, Reasoning):
            self.phase = "thinking"
            self.thought_from = self.thought_from or time.monotonic()
            self.reasoning += piece.text
        elif isinstance(piece, Finished):
            self.stats = piece.stats
        elif isinstance(piece, Text):
            self._think_no_more()
            self.phase = "answering"
            self.text += piece.text

    def end(self, phase: Phase, error: ChatError | None = None) -> None:
        """Closes the exchange; what came so far stays."""
        self._think_no_more()
        self.phase = phase
        self.error = error
        self.ended_at = time.monotonic()

    @property
    def ended(self) -> bool:
        return self.phase in ENDINGS

    @property
    def elapsed_s(self) -> float:
        return (self.ended_at or time.monotonic()) - self.asked_at

    def _think_no_more(self) -> None:
        if self.thought_from is not None and self.thought_s is None:
            self.thought_s = time.monotonic() - self.thought_from


@dataclass
class Chat:
    """The exchanges of one conversation, oldest first."""

    exchanges: list[Exchange] = field(default_factory=list)

    def messages(self, system: str = "") -> list[Message]:
        """What the model is sent: text alone, never reasoning, numbers or error messages.

        A question whose answer never began is left out, unless it is the one being asked now:
        most chat templates insist that questions and answers alternate.
        """
        sent = [Message("system", system.strip())] if system.strip() else []
        for exchange in self.exchanges:
            if not exchange.ended:
                sent.append(Message("user", exchange.question))
            elif exchange.text:
                sent.append(Message("user", exchange.question))
                sent.append(Message("assistant", exchange.text))
        return sent
