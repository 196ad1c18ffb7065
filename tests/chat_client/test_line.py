"""The line: who is inside, who waits where, and that every way out frees the place."""

from __future__ import annotations

import asyncio

from chat_client.line import Line


class Caller:
    """Goes into the line as a task and stays inside until told to leave."""

    def __init__(self, line: Line) -> None:
        self.places: list[int] = []
        self.inside = False
        self.leave = asyncio.Event()
        self.task = asyncio.create_task(self._go(line))

    async def _go(self, line: Line) -> None:
        async with line.slot(self.places.append):
            self.inside = True
            await self.leave.wait()
        self.inside = False


async def settle() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


async def test_as_many_as_there_are_slots_go_in_at_once() -> None:
    line = Line(2)
    callers = [Caller(line) for _ in range(4)]
    await settle()
    assert [caller.inside for caller in callers] == [True, True, False, False]
    assert [caller.places for caller in callers] == [[], [], [1], [2]]
    for caller in callers:
        caller.leave.set()
    await asyncio.gather(*(caller.task for caller in callers))
    assert (line.active, line.waiting) == (0, 0)


async def test_who_came_first_is_served_first_and_the_others_move_up() -> None:
    line = Line(1)
    first, second, third = (Caller(line) for _ in range(3))
    await settle()
    first.leave.set()
    await settle()
    assert (second.inside, third.inside) == (True, False)
    assert third.places == [2, 1]
    second.task.cancel()
    third.task.cancel()
    await asyncio.wait([second.task, third.task])


async def test_leaving_the_line_moves_those_behind_up() -> None:
    line = Line(1)
    first, second, third = (Caller(line) for _ in range(3))
    await settle()
    second.task.cancel()
    await settle()
    assert third.places == [2, 1]
    assert repr(line) == "<Line 1 of 1 active, 1 waiting>"
    first.task.cancel()
    await settle()
    assert third.inside
    third.task.cancel()
    await asyncio.wait([third.task])
    assert repr(line) == "<Line 0 of 1 active, 0 waiting>"


async def test_a_caller_cancelled_as_its_turn_comes_takes_no_slot_with_it() -> None:
    line = Line(1)
    first, second = Caller(line), Caller(line)
    await settle()
    first.leave.set()
    second.task.cancel()  # called and cancelled in the same round of the loop
    await asyncio.wait([first.task, second.task])
    assert (line.active, line.waiting) == (0, 0)


async def test_who_wants_several_waits_for_all_and_gives_each_back_by_itself() -> None:
    line, places, left = Line(2), list[int](), list[int]()
    first = Caller(line)
    await settle()

    async def several() -> None:
        async with line.several(3, places.append) as keep:  # more than there are: both then
            left.append(line.active)
            keep(1)
            await settle()
            left.append(later.inside)

    round_ = asyncio.create_task(several())
    await settle()
    later = Caller(line)
    await settle()
    assert (line.active, later.inside, places) == (2, False, [1])
    first.leave.set()
    await asyncio.wait_for(round_, 60)
    assert left == [2, True]
    later.task.cancel()
    await asyncio.wait([first.task, later.task])
    assert repr(line) == "<Line 0 of 2 active, 0 waiting>"
