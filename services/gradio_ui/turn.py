"""One answer under way: a task that waits in line, asks the model and collects what it sends.

Owns the upstream stream: however the turn ends (done, stopped, the model server gone, nobody there
any more) the connection is closed before the task is. Pages watch it through `follow` and may come
back: with the last one gone it goes on for `grace_s`, or to its end when it is `lasting`.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing, suppress

from chat_client import ChatError, ChatSettings, Sampling, load_model, stream_answer
from chat_client import Exchange as Record
from chat_client.line import Line
from gradio_ui.chat import Exchange

# About 25 pictures a second look smooth and cost a third of one per token. What comes while the
# last one is young waits for the next piece after that, a little at most: so the pictures fall
# into step with the pieces, and hardly one waits for long.
REDRAW_S, LATEST_S = 0.03, 0.045
ASKED_S = 0.02  # the picture with the question in it may be later by this
TICK_S = 1.0  # a picture at least this often, so that waiting is seen and a closed tab noticed

log = logging.getLogger(__name__)


class Turn:
    """Fills `exchange` with the answer; make it inside a running event loop."""

    def __init__(
        self,
        settings: ChatSettings,
        line: Line,
        exchange: Exchange,
        sampling: Sampling,
        *,
        load: bool = False,
    ) -> None:
        self.exchange = exchange
        self.record = Record()
        self.grace_s = 0.0
        self.lasting = False
        self._settings = settings
        self._line = line
        self._sampling = sampling
        self._load = load
        self._watchers: set[asyncio.Event] = set()
        self._giving_up: asyncio.Task[None] | None = None
        self._task = asyncio.create_task(self._run())

    async def follow(self) -> AsyncGenerator[None, None]:
        """Yields whenever there is something new to draw, the last time after the end."""
        news = asyncio.Event()
        self._watchers.add(news)
        drawn_at = 0.0
        try:
            while True:
                ended = self._task.done()
                yield
                if ended:
                    return
                drawn_at = await self._next_picture(news, drawn_at)
        finally:
            self._watchers.discard(news)
            await self._left()

    async def asked(self) -> None:
        """Returns when the question is on its way, or soon: the model reads while the page draws.

        Both at once would have the model wait for the drawing.
        """
        until, sent = time.monotonic() + ASKED_S, self.record.sent
        while not (sent.is_set() or self._task.done() or time.monotonic() > until):  # noqa: ASYNC110 (an event of threads)
            await asyncio.sleep(0.001)

    async def stop(self) -> None:
        """Ends the turn and returns when the upstream connection is closed; safe to repeat."""
        self._task.cancel()
        await asyncio.wait([self._task])
        self._end_stopped()  # cancelled before its first step, so `_run` never was

    async def ended_within(self, seconds: float) -> bool:
        """Waits for the end, so long at most."""
        await asyncio.wait([self._task], timeout=seconds)
        return self._task.done()

    async def _left(self) -> None:
        """A page has gone: when it was the last one, nobody may need the answer any more."""
        if self._watchers or self._task.done() or self.lasting:
            return
        if not self.grace_s:
            await self.stop()
        elif self._giving_up is None:
            self._giving_up = asyncio.create_task(self._give_up())

    async def _give_up(self) -> None:
        await self.ended_within(self.grace_s)
        self._giving_up = None
        if not self._watchers and not self.lasting:
            await self.stop()

    async def _next_picture(self, news: asyncio.Event, drawn_at: float) -> float:
        """Waits for news, at most a tick, and longer while the last picture is young."""
        await self._news_within(news, TICK_S)
        young_s = REDRAW_S - (time.monotonic() - drawn_at)
        if young_s > 0 and not self._task.done():
            await asyncio.wait([self._task], timeout=young_s)
            news.clear()
            await self._news_within(news, LATEST_S - REDRAW_S)
        news.clear()
        return time.monotonic()

    async def _news_within(self, news: asyncio.Event, seconds: float) -> None:
        if not self._task.done():
            with suppress(TimeoutError):
                async with asyncio.timeout(seconds):  # 3.11's `wait_for` may forget a cancel
                    await news.wait()

    async def _run(self) -> None:
        try:
            async with self._line.slot(self._moved):
                self.exchange.in_line, self.exchange.place = False, 0
                if self._load:
                    await self._bring_into_memory()
                await self._read()
            self.exchange.answer.end()
        except asyncio.CancelledError:
            self._end_stopped()
        except ChatError as error:
            self.exchange.answer.end(error, self.record.so_far())
        except Exception:
            log.exception("an answer failed in a way that nobody foresaw")
            trouble = ChatError("The answer failed inside Lectern.", "Ask again; its log says why.")
            self.exchange.answer.end(trouble, self.record.so_far())
        finally:
            self.tell()

    def _end_stopped(self) -> None:
        self.exchange.answer.stop(self.record.so_far())

    async def _bring_into_memory(self) -> None:
        """Shows how far the loading is; where that fails, the question itself tells why."""
        with suppress(ChatError):
            async with aclosing(load_model(self._settings, self.exchange.answer.model)) as steps:
                async for step in steps:
                    self.exchange.loading = step
                    self.tell()
        self.exchange.loading = None

    async def _read(self) -> None:
        asked = self.exchange.asked
        messages = list(asked.messages)
        answer = stream_answer(
            self._settings, asked.answer.model, messages, self._sampling, self.record
        )
        async with aclosing(answer) as pieces:
            async for piece in pieces:
                self.exchange.take(piece)
                self.tell()

    def _moved(self, place: int) -> None:
        self.exchange.place = place
        self.tell()

    def tell(self) -> None:
        """Lets every page that watches draw again."""
        for news in self._watchers:
            news.set()
