"""Who runs next when more requests wait than the model server has slots.

Deficit round robin over keys, weighted by tokens: every key has a line of its own and an account;
keys with somebody waiting take turns, each turn adds `QUANTUM` tokens to the account, and a request
starts when its key's account covers its estimated cost. When it ends, the account is corrected by
what it really used, so nobody gains by a wrong estimate. Source of the scheme: Shreedhar and
Varghese, "Efficient Fair Queuing Using Deficit Round Robin", 1995.

Owns lines, accounts and slots. No clock, no I/O, no asyncio: one method, `_assign`, decides among
those who wait, after every arrival, departure and release; where nobody waits, nothing is to be
decided. A slot is given back by `Ticket.release`, any number of calls to which count once.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

QUANTUM = 256


class QueueFull(Exception):
    """Too many wait already; `own` tells whether the key's line or the whole queue is full."""

    def __init__(self, own: bool, waiting: int) -> None:
        super().__init__("own line full" if own else "queue full")
        self.own = own
        self.waiting = waiting


@dataclass(eq=False, slots=True)
class Line:
    """The requests of one key, oldest first, and the key's account in tokens."""

    key: str
    waiting: deque[Ticket] = field(default_factory=deque)
    running: int = 0
    account: float = 0.0


@dataclass(eq=False, slots=True)
class Ticket:
    """One request's place: waiting, then running, then released."""

    line: Line
    cost: int
    _queue: FairQueue
    _granted: Callable[[], None]
    running: bool = False
    released: bool = False

    def release(self, used: int | None = None) -> None:
        """Leaves the line or gives the slot back; `used` is the true number of tokens."""
        self._queue._release(self, used)

    @property
    def position(self) -> int:
        """How many requests start before this one at the latest, counted from 1; 0 = running."""
        return 0 if self.running or self.released else self._queue._position(self)


class FairQueue:
    """The slots of one model server, shared fairly among keys."""

    def __init__(self, slots: int, max_waiting: int, max_waiting_per_key: int) -> None:
        self._slots = slots
        self._max_waiting = max_waiting
        self._max_per_key = max_waiting_per_key
        self._lines: dict[str, Line] = {}
        self._turns: deque[Line] = deque()  # the lines with somebody waiting, next turn first
        self._running = 0
        self._waiting = 0

    @property
    def free(self) -> int:
        """Slots that nobody uses; never negative."""
        return max(0, self._slots - self._running)

    @property
    def slots(self) -> int:
        return self._slots

    @property
    def running(self) -> int:
        return self._running

    @property
    def waiting(self) -> int:
        return self._waiting

    def resize(self, slots: int) -> None:
        """The model server has another number of slots now; what runs goes on."""
        self._slots = slots
        self._assign()

    def enter(self, key: str, cost: int, granted: Callable[[], None]) -> Ticket:
        """Joins the key's line; `granted` is called once when the request may start.

        It may be called before this returns. Raises `QueueFull` and changes nothing then.
        """
        line = self._lines.get(key) or Line(key)
        must_wait = self._running >= self._slots or self._waiting > 0
        if must_wait and len(line.waiting) >= self._max_per_key:
            raise QueueFull(True, len(line.waiting))
        if must_wait and self._waiting >= self._max_waiting:
            raise QueueFull(False, self._waiting)
        self._lines[key] = line
        ticket = Ticket(line, max(1, cost), self, granted)
        if not must_wait:
            line.account = 0.0  # as `_assign` would leave it: alone, every round is paid at once
            self._start(ticket)
            return ticket
        line.waiting.append(ticket)
        self._waiting += 1
        if len(line.waiting) == 1:
            self._turns.append(line)
        self._assign()
        return ticket

    def _release(self, ticket: Ticket, used: int | None) -> None:
        if ticket.released:
            return
        ticket.released = True
        line = ticket.line
        if ticket.running:
            self._running -= 1
            line.running -= 1
            if used is not None:
                line.account += ticket.cost - used
        else:
            line.waiting.remove(ticket)
            self._waiting -= 1
            if not line.waiting:
                self._turns.remove(line)
        self._forget_if_idle(line)
        if self._turns:
            self._assign()

    def _assign(self) -> None:
        """Gives free slots to whose turn it is; the only place where one that waited starts."""
        while self._running < self._slots and self._turns:
            line = self._turns[0]
            ticket = line.waiting[0]
            if line.account < ticket.cost:
                self._pay_rounds()
                continue
            line.waiting.popleft()
            self._waiting -= 1
            line.account -= ticket.cost
            if not line.waiting:
                self._turns.popleft()
                line.account = min(line.account, 0.0)  # thrift is not saved up, debt is kept
            self._start(ticket)

    def _start(self, ticket: Ticket) -> None:
        ticket.line.running += 1
        self._running += 1
        ticket.running = True
        ticket._granted()

    def _pay_rounds(self) -> None:
        """Ends the first line's turn: it goes to the back and gets its quantum for the next.

        Where no line can pay, whole rounds are paid at once instead of one by one.
        """
        needed = min(
            math.ceil((line.waiting[0].cost - line.account) / QUANTUM) for line in self._turns
        )
        if needed > 1:
            for line in self._turns:
                line.account += (needed - 1) * QUANTUM
        self._turns[0].account += QUANTUM
        self._turns.rotate(-1)

    def _forget_if_idle(self, line: Line) -> None:
        """Drops a line that has nothing here and owes nothing; without contention, every debt."""
        if not self._running and not self._waiting:
            self._lines.clear()
        elif not line.waiting and not line.running and line.account >= 0:
            self._lines.pop(line.key, None)

    def _position(self, ticket: Ticket) -> int:
        """The place if every line takes one request a turn: honest enough to show."""
        own = ticket.line.waiting.index(ticket)
        turn = self._turns.index(ticket.line)
        return 1 + sum(
            min(len(line.waiting), own + (1 if index < turn else 0)) if index != turn else own
            for index, line in enumerate(self._turns)
        )

    def __repr__(self) -> str:
        return (
            f"<FairQueue [{self._running}/{self._slots} running, {self._waiting} waiting, "
            f"{len(self._lines)} keys]>"
        )
