"""The fair queue: nobody starves, no slot stays idle, heavy and light users get equal shares.

Pure logic, so time is a number that the simulation moves; nothing here waits.
"""

from __future__ import annotations

import heapq
import itertools
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from gateway.fair_queue import QUANTUM, FairQueue, QueueFull, Ticket


def queue_of(slots: int, max_waiting: int = 1000, per_key: int = 1000) -> FairQueue:
    return FairQueue(slots, max_waiting, per_key)


@dataclass
class Started:
    """Notes the order in which requests start."""

    names: list[str] = field(default_factory=list)

    def __call__(self, name: str) -> Callable[[], None]:
        return lambda: self.names.append(name)


def test_a_free_slot_is_given_at_once() -> None:
    started = Started()
    ticket = queue_of(1).enter("ana", 100, started("one"))
    assert started.names == ["one"]
    assert ticket.position == 0


def test_one_light_request_passes_a_heavy_users_line() -> None:
    queue, started = queue_of(1), Started()
    cost = QUANTUM
    tickets = [queue.enter("heavy", cost, started(f"heavy {number}")) for number in range(6)]
    tickets.append(queue.enter("light", cost, started("light")))
    assert tickets[-1].position == 2
    while not tickets[-1].running:
        next(ticket for ticket in tickets if ticket.running and not ticket.released).release(cost)
    assert started.names.index("light") <= 2


def test_leaving_the_line_frees_the_place() -> None:
    queue, started = queue_of(1, max_waiting=1), Started()
    first = queue.enter("ana", 1, started("first"))
    waiting = queue.enter("bob", 1, started("bob"))
    with pytest.raises(QueueFull):
        queue.enter("eve", 1, started("eve"))
    waiting.release()
    queue.enter("eve", 1, started("eve"))
    first.release(1)
    assert started.names == ["first", "eve"]


def test_a_full_line_of_ones_own_is_told_apart() -> None:
    queue = queue_of(1, max_waiting=10, per_key=1)
    queue.enter("ana", 1, lambda: None)
    queue.enter("ana", 1, lambda: None)
    with pytest.raises(QueueFull) as full:
        queue.enter("ana", 1, lambda: None)
    assert full.value.own
    queue.enter("bob", 1, lambda: None)


def test_releasing_twice_counts_once() -> None:
    queue = queue_of(2)
    ticket = queue.enter("ana", 1, lambda: None)
    ticket.release(1)
    ticket.release(1)
    assert queue.free == 2
    assert repr(queue) == "<FairQueue [0/2 running, 0 waiting, 0 keys]>"


def test_more_slots_start_who_waits_and_fewer_let_run_who_runs() -> None:
    queue, started = queue_of(1), Started()
    tickets = [queue.enter("ana", 1, started(str(number))) for number in range(4)]
    queue.resize(3)
    assert started.names == ["0", "1", "2"]
    queue.resize(1)
    tickets[0].release(1)
    tickets[1].release(1)
    assert started.names == ["0", "1", "2"]
    tickets[2].release(1)
    assert started.names == ["0", "1", "2", "3"]


def test_who_underestimates_pays_later() -> None:
    """Two users alternate; one claims 10 tokens and uses 1000."""
    queue = queue_of(1)
    served = simulate(
        queue, {"liar": Load(4, [1000], estimate=10), "true": Load(4, [1000])}, 100_000
    )
    assert served["true"] >= 0.9 * served["liar"]


@dataclass
class Load:
    """A user who keeps `outstanding` requests in the system; sizes in tokens, in turn."""

    outstanding: int
    sizes: list[int]
    estimate: int | None = None


def simulate(queue: FairQueue, users: dict[str, Load], until: int) -> Counter[str]:
    """Runs to `until`; a slot serves a token a tick. Returns the tokens served to each user."""
    served: Counter[str] = Counter()
    ends: list[tuple[int, int, str, int, Ticket]] = []
    numbers = itertools.count()
    sizes = {name: itertools.cycle(load.sizes) for name, load in users.items()}
    now = 0

    def ask(name: str) -> None:
        size = next(sizes[name])
        place: list[Ticket] = []
        begun = []

        def start() -> None:
            begun.append(now)
            if place:
                heapq.heappush(ends, (now + size, next(numbers), name, size, place[0]))

        place.append(queue.enter(name, users[name].estimate or size, start))
        if begun:
            heapq.heappush(ends, (now + size, next(numbers), name, size, place[0]))

    for name, load in users.items():
        for _ in range(load.outstanding):
            ask(name)
    while ends and ends[0][0] <= until:
        now, _, name, size, ticket = heapq.heappop(ends)
        served[name] += size
        ticket.release(size)
        ask(name)
    return served


def jain(values: list[int]) -> float:
    """Jain's fairness index: 1 = equal shares, 1/n = one has everything."""
    total = sum(values)
    return total * total / (len(values) * sum(value * value for value in values))


@given(
    heavy=st.lists(st.integers(400, 1200), min_size=1, max_size=8),
    light=st.lists(st.integers(20, 200), min_size=1, max_size=8),
    outstanding=st.integers(8, 40),
)
@settings(max_examples=60, deadline=None)
def test_one_heavy_and_three_light_users_get_equal_shares(
    heavy: list[int], light: list[int], outstanding: int
) -> None:
    users = {"heavy": Load(outstanding, heavy)}
    users |= {f"light {number}": Load(6, light) for number in range(3)}
    served = simulate(queue_of(4), users, until=60_000)
    assert jain([served[name] for name in users]) >= 0.95


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_nobody_starves(data: st.DataObject) -> None:
    """A request of a newcomer starts before the others together got more than their turn."""
    slots = data.draw(st.integers(1, 4))
    users = data.draw(st.integers(1, 6))
    queue, started = queue_of(slots), Started()
    running = [queue.enter("first", 100, started("x")) for _ in range(slots)]
    waiting = [
        queue.enter(f"user {user}", data.draw(st.integers(1, 2000)), started("y"))
        for user in range(users)
        for _ in range(data.draw(st.integers(1, 20)))
    ]
    cost = data.draw(st.integers(1, 2000))
    newcomer = queue.enter("newcomer", cost, started("newcomer"))
    releases = 0
    while not newcomer.running:
        busy = next(
            ticket for ticket in running + waiting if ticket.running and not ticket.released
        )
        busy.release(busy.cost)
        releases += 1
    # Each other key is served at most what the newcomer has to save up, and one request more.
    assert releases <= slots + users * (cost + 2000 + 256)


class Life(RuleBasedStateMachine):
    """Any order of arrivals, departures and releases leaves the books right."""

    @initialize(slots=st.integers(1, 4))
    def begin(self, slots: int) -> None:
        self.slots = slots
        self.queue = FairQueue(slots, max_waiting=20, max_waiting_per_key=5)
        self.tickets: list[Ticket] = []
        self.granted = 0

    @rule(key=st.sampled_from("abcd"), cost=st.integers(1, 3000))
    def arrive(self, key: str, cost: int) -> None:
        def grant() -> None:
            self.granted += 1

        try:
            self.tickets.append(self.queue.enter(key, cost, grant))
        except QueueFull:
            assert self.queue.free == 0

    @rule(data=st.data(), used=st.integers(0, 5000))
    def leave(self, data: st.DataObject, used: int) -> None:
        if self.tickets:
            data.draw(st.sampled_from(self.tickets)).release(used)

    @invariant()
    def the_books_are_right(self) -> None:
        live = [ticket for ticket in self.tickets if not ticket.released]
        running = [ticket for ticket in live if ticket.running]
        assert self.queue.running == len(running) <= self.slots
        assert self.queue.waiting == len(live) - len(running)
        assert not (self.queue.free and self.queue.waiting), "a slot idles while somebody waits"
        positions = [ticket.position for ticket in live if not ticket.running]
        assert all(1 <= position <= len(positions) for position in positions)
        if not live:
            assert "0 keys" in repr(self.queue)


TestLife = Life.TestCase
TestLife.settings = settings(max_examples=80, stateful_step_count=40, deadline=None)
