"""One answer on its way: its place in line, how far it is, and how long it took.

Owns what only matters while an answer comes. The conversation itself, with all its branches, is a
`Dialogue` of `chat_client`; nothing here draws or calls anybody.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Literal

from chat_client import Dialogue, Entry, LoadProgress, Piece, TokenMemory, drop_oldest
from chat_client import Turn as Asked
from chat_client.blocks import Blocks

# A page draws the last part of a growing answer again and again, the others once. Each of them
# costs the page a little at every look.
PART_CHARACTERS = 1500
Phase = Literal["in line", "reading", "thinking", "answering", "done", "stopped", "failed"]


@dataclass(eq=False)
class Exchange:
    """A question that was sent and as much of its answer as came."""

    asked: Asked
    place: int = 0  # in line, counted from 1; 0: not waiting
    in_line: bool = True
    loading: LoadProgress | None = None  # while the model is brought into memory
    _blocks: Blocks = field(default_factory=lambda: Blocks(PART_CHARACTERS))
    _finished: list[str] = field(default_factory=list)

    @property
    def answer(self) -> Entry:
        return self.asked.answer

    @property
    def phase(self) -> Phase:
        if self.answer.state != "coming":
            return self.answer.state
        if self.answer.text or self.answer.tool_calls:
            return "answering"
        if self.answer.reasoning:
            return "thinking"
        return "in line" if self.in_line else "reading"

    @property
    def parts(self) -> list[str]:
        """The answer's text, cut where what comes changes nothing before it any more."""
        return [*self._finished, self._blocks.tail(self.answer.text)]

    @property
    def ended(self) -> bool:
        return self.answer.state != "coming"

    def take(self, piece: Piece) -> None:
        """Adds what the model sent."""
        self.asked.take(piece)
        self._finished += self._blocks.finished(self.answer.text)


@dataclass
class Chat:
    """A conversation, and the answers of it that this process has asked for, by their id."""

    dialogue: Dialogue = field(default_factory=Dialogue)
    exchanges: dict[str, Exchange] = field(default_factory=dict)
    memory: TokenMemory = field(default_factory=TokenMemory)
    leave_out_oldest: bool = False  # the person's choice once the context is full

    @property
    def busy(self) -> bool:
        """An answer is under way, be it that its model is still being chosen."""
        return any(not exchange.ended for exchange in self.exchanges.values())

    def fitting(self, asked: Asked, window: int | None) -> Asked:
        """The same without its oldest messages, where they do not fit and may be left out."""
        if not self.leave_out_oldest or window is None:
            return asked
        limit = self.dialogue.sampling.max_tokens
        return replace(asked, messages=drop_oldest(asked.messages, window, self.memory, limit))

    def learn(self, exchange: Exchange) -> None:
        """Takes in what the server counted, so that the next estimate is better."""
        if exchange.answer.stats is not None:
            self.memory.learn(exchange.asked.messages, exchange.answer.stats)

    def begin(self, asked: Asked) -> Exchange:
        exchange = Exchange(asked)
        self.exchanges[asked.id] = exchange
        return exchange

    def exchange(self, answer: Entry) -> Exchange | None:
        return self.exchanges.get(answer.id)
