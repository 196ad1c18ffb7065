"""One answer under way: a task that waits in line, asks the model and collects what it sends.

Owns the upstream stream: however the turn ends (done, stopped, the model server gone, the browser
tab closed) the connection is closed before the task is. The task does not depend on the page that
watches it through `follow`; today the watcher stops the turn when it goes away.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing, suppress

from chat_client import ChatError, ChatSettings, Message, Sampling, stream_answer
from gradio_ui.chat import Exchange
from gradio_ui.line import Line

REDRAW_S = 0.04  # 25 pictures a second look smooth and cost a third of one per token
TICK_S = 1.0  # a picture at least this often, so that waiting is seen and a closed tab noticed

log = logging.getLogger(__name__)


class Turn:
    """Fills `exchange` with the answer to `messages`; make it inside a running event loop."""

    def __init__(
        self,
        settings: ChatSettings,
        line: Line,
        exchange: Exchange,
        messages: list[Message],
        sampling: Sampling,
    ) -> None:
        self.exchange = exchange
        self._settings = settings
        self._line = line
        self._messages = messages
        self._sampling = sampling
        self._news = asyncio.Event()
        # Asked before anything is drawn: the model reads while the page shows the question.
        self._task = asyncio.create_task(self._run())

    async def follow(self) -> AsyncGenerator[None, None]:
        """Yields whenever there is something new to draw, the last time after the end."""
        drawn_at = 0.0
        try:
            while True:
                ended = self._task.done()
                yield
                if ended:
                    return
                drawn_at = await self._next_picture(drawn_at)
        finally:
            await self.stop()

    async def stop(self) -> None:
        """Ends the turn and returns when the upstream connection is closed; safe to repeat."""
        self._task.cancel()
        await asyncio.wait([self._task])
        if not self.exchange.ended:  # cancelled before its first step, so `_run` never was
            self.exchange.end("stopped")

    async def _next_picture(self, drawn_at: float) -> float:
        """Waits for news, at most a tick, and then until the last picture is old enough."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._news.wait(), TICK_S)
        young_s = REDRAW_S - (time.monotonic() - drawn_at)
        if young_s > 0 and not self._task.done():
            await asyncio.wait([self._task], timeout=young_s)
        self._news.clear()
        return time.monotonic()

    async def _run(self) -> None:
        try:
            async with self._line.slot(self._moved):
                self.exchange.phase, self.exchange.place = "reading", 0
                await self._read()
            self.exchange.end("done")
        except asyncio.CancelledError:
            self.exchange.end("stopped")
        except ChatError as error:
            self.exchange.end("failed", error)
        except Exception:
            log.exception("an answer failed in a way that nobody foresaw")
            trouble = ChatError("The answer failed inside Lectern.", "Ask again; its log says why.")
            self.exchange.end("failed", trouble)
        finally:
            self._news.set()

    async def _read(self) -> None:
        answer = stream_answer(self._settings, self.exchange.model, self._messages, self._sampling)
        async with aclosing(answer) as pieces:
            async for piece in pieces:
                self.exchange.take(piece)
                self._news.set()

    def _moved(self, place: int) -> None:
        self.exchange.place = place
        self._news.set()
