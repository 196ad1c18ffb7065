"""An answer as a job in a background thread, for a UI whose own code is synchronous.

Owns: the process's one asyncio thread, the line in which its answers wait for a slot, loading the
model first, the queue to the reader, stopping (by the reader, or because the reader is gone). What
is in an answer is `answer`'s business.
"""

from __future__ import annotations

import asyncio
import logging
import queue
import threading
import time
from collections import defaultdict
from collections.abc import AsyncGenerator, Sequence
from concurrent.futures import Future
from contextlib import aclosing, suppress
from dataclasses import dataclass, field
from functools import cache
from typing import cast

from chat_client.answer import stream_answer
from chat_client.errors import ChatError
from chat_client.exchange import Exchange
from chat_client.line import Line
from chat_client.messages import Message, Piece
from chat_client.model_loading import LoadProgress, load_model
from chat_client.sampling import Sampling
from chat_client.settings import ChatSettings
from chat_client.waiting import Waiting, queued_place

log = logging.getLogger(__name__)


@cache
def background_loop() -> asyncio.AbstractEventLoop:
    """The event loop of the process's one background thread, started on first use."""
    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, name="answers", daemon=True).start()
    return loop


@cache
def _line_to(server: tuple[str, int]) -> Line:
    """Where all answers of this process wait for one server with so many slots."""
    return Line(server[1])


@dataclass
class _Load:
    """How far a model's loading is, for all answers that wait for it."""

    step: LoadProgress | None = None
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)


_loads: defaultdict[tuple[str, str], _Load] = defaultdict(_Load)  # by server and model


class Answer:
    """One answer under way; make it with `Answer.start`."""

    def __init__(self, settings: ChatSettings) -> None:
        self.error: ChatError | None = None
        self.exchange = Exchange()
        self._settings = settings
        self._place = 0
        self._load: _Load | None = None
        self._abandoned_s = settings.chat_abandoned_s
        self._pieces: queue.SimpleQueue[Piece | None] = queue.SimpleQueue()
        self._done = False
        self._read_at = time.monotonic()
        self._job: Future[None] | None = None

    @classmethod
    def start(
        cls,
        settings: ChatSettings,
        model: str,
        messages: Sequence[Message],
        sampling: Sampling,
        *,
        load: bool = False,
    ) -> Answer:
        """Asks the model at once and returns; the pieces wait in `poll`.

        `load`: the model is not in memory, so that it is loaded first, to see how far that is.
        """
        answer = cls(settings)
        pieces = stream_answer(settings, model, list(messages), sampling, answer.exchange)
        job = answer._run(pieces, model if load else "")
        answer._job = asyncio.run_coroutine_threadsafe(job, background_loop())
        # Also runs when the job is cancelled before it began.
        answer._job.add_done_callback(lambda _: answer._pieces.put(None))
        return answer

    @property
    def done(self) -> bool:
        """True when the answer has ended, in whatever way, and every piece has been polled."""
        return self._done

    @property
    def waiting(self) -> Waiting:
        """What the first token waits for: a place in line here or at the gateway, or a load."""
        loading = self._load.step if self._load else None
        return Waiting(self._place or queued_place(self.exchange.comment), loading)

    @property
    def over(self) -> bool:
        """True when nothing more comes, whether or not it has been polled."""
        return self._job is not None and self._job.done()

    def poll(self, timeout_s: float = 0.1) -> list[Piece]:
        """All pieces that have come since the last call; waits up to `timeout_s` for the first."""
        self._read_at = time.monotonic()
        pieces: list[Piece] = []
        while not self._done:
            try:
                piece = self._pieces.get(timeout=0 if pieces else timeout_s)
            except queue.Empty:
                break
            if piece is None:
                self._done = True
            else:
                pieces.append(piece)
        return pieces

    def stop(self) -> None:
        """Closes the upstream; harmless when the answer has ended already."""
        if self._job is not None:
            self._job.cancel()

    async def _run(self, pieces: AsyncGenerator[Piece, None], to_load: str) -> None:
        job = asyncio.current_task()
        watch = asyncio.create_task(self._stop_when_abandoned(cast("asyncio.Task[None]", job)))
        line = _line_to((self._settings.root_url, self._settings.chat_concurrency))
        try:
            async with aclosing(pieces) as stream, line.slot(self._moved):
                self._moved(0)
                if to_load:
                    await self._load_first(to_load)
                async for piece in stream:
                    self._pieces.put(piece)
        except ChatError as error:
            self.error = error
        except Exception:
            log.exception("an answer failed in a way that Lectern does not know")
            self.error = ChatError("Lectern failed on this answer.", "Its log says more.")
        finally:
            watch.cancel()

    def _moved(self, place: int) -> None:
        self._place = place

    async def _load_first(self, model: str) -> None:
        """Tells how far the loading is; where that fails, the question itself tells why.

        Of several who want the model one has it loaded, and the others look on.
        """
        self._load = load = _loads[self._settings.root_url, model]
        under_way = load.lock.locked()
        try:
            async with load.lock:
                if not (under_way and load.step and load.step.done):
                    await self._follow_load(load, model)
        finally:
            self._load = None

    async def _follow_load(self, load: _Load, model: str) -> None:
        load.step = None
        with suppress(ChatError):
            async with aclosing(load_model(self._settings, model)) as steps:
                async for load.step in steps:
                    pass

    async def _stop_when_abandoned(self, job: asyncio.Task[None]) -> None:
        while True:
            quiet_s = time.monotonic() - self._read_at
            if quiet_s >= self._abandoned_s:
                log.info("an answer was stopped: nobody has read it for %.0f s", quiet_s)
                job.cancel()
                return
            await asyncio.sleep(self._abandoned_s - quiet_s)
