"""A round of the playground under way: it waits for its slots, asks everybody, reads the answers.

Owns the slots: each is given back as soon as its answer has ended, and however the round ends every
upstream is closed. Pages watch it through `follow` and may come back: with the last one gone it
goes on for `grace_s`. The round itself, its names and its votes are `chat_client`'s.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Collection, Sequence

from chat_client import Asked, ChatSettings, Round
from chat_client.line import Line

READ_S = 0.04  # as often as a chat is drawn
TICK_S = 1.0  # a picture at least so often: the place in line moves, a closed tab is noticed


class Match:
    """Make it inside a running event loop; `round` is None while it waits in line."""

    def __init__(
        self,
        settings: ChatSettings,
        line: Line,
        prompt: str,
        asked: Sequence[Asked],
        *,
        blind: bool = False,
        system: str = "",
        grace_s: float = 0.0,
        to_load: Collection[str] = (),
    ) -> None:
        self.round: Round | None = None
        self.place = 0
        self.id = ""
        self.prompt = prompt
        self._grace_s = grace_s
        self._settings = settings
        self._line = line
        self._asked = tuple(asked)
        self._blind, self._system, self._to_load = blind, system, to_load
        self._watchers: set[asyncio.Event] = set()
        self._giving_up: asyncio.Task[None] | None = None
        self._task = asyncio.create_task(self._run())

    @property
    def over(self) -> bool:
        return self._task.done()

    async def stop(self) -> None:
        """Closes every upstream, or leaves the line; safe to repeat."""
        self._task.cancel()
        await asyncio.wait([self._task])

    async def follow(self) -> AsyncGenerator[None, None]:
        """Yields whenever there is something new to draw, the last time after the end."""
        news = asyncio.Event()
        self._watchers.add(news)
        try:
            drawn_at = 0.0
            while not self.over:
                if news.is_set() or time.monotonic() - drawn_at > TICK_S:
                    news.clear()
                    drawn_at = time.monotonic()
                    yield
                await asyncio.wait([self._task], timeout=READ_S)
            yield
        finally:
            self._watchers.discard(news)
            await self._left()

    async def _left(self) -> None:
        """A page has gone: when it was the last one, nobody may need the answers any more."""
        if self._watchers or self.over:
            return
        if not self._grace_s:
            await self.stop()
        elif self._giving_up is None:
            self._giving_up = asyncio.create_task(self._give_up())

    async def _give_up(self) -> None:
        await asyncio.wait([self._task], timeout=self._grace_s)
        self._giving_up = None
        if not self._watchers:
            await self.stop()

    def _tell(self) -> None:
        for news in self._watchers:
            news.set()

    async def _run(self) -> None:
        async with self._line.several(len(self._asked), self._moved) as keep:
            self.place = 0
            self.round = Round.start(
                self._settings,
                self.prompt,
                self._asked,
                blind=self._blind,
                system_prompt=self._system,
                to_load=self._to_load,
            )
            try:
                while self.round.open:
                    if self.round.take():
                        self._tell()
                    keep(sum(pane.reply.open for pane in self.round.panes))
                    await asyncio.sleep(READ_S)
            finally:
                self.round.stop()

    def _moved(self, place: int) -> None:
        self.place = place
        self._tell()
