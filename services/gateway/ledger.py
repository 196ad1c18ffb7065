"""The ledger: one narrow row per request, written before its caller sees the end.

Owns the writer: rows are handed over from the event loop and a thread commits all that wait in one
transaction (group commit), so that a row costs little under load and the loop never waits for the
disk. While the database is away rows are kept in memory and tried again; `accepting` turns False so
that new requests are refused (503) before they cost anything. No prompt, answer or key is kept.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections import deque
from contextlib import closing
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Engine

from gateway.row_writer import RowWriter
from gateway.schema import requests

RETRY_S = 0.5
# How long a caller waits for its row when the database does not answer; the row is kept anyway.
COMMIT_TIMEOUT_S = 2.0
MAX_BATCH = 500
# After a batch as large as this more rows are on their way: they are waited for this long, since a
# transaction costs as much as several rows. Where rows come one by one, each is committed at once.
CROWD = 4
GATHER_S = 0.002
# Rows that wait in memory while the database is away: only requests that were running by then add
# to them, so this is never reached in practice.
MAX_KEPT = 100_000
log = logging.getLogger(__name__)


class Row(NamedTuple):
    """What is known of a finished request. Times in milliseconds; None = did not happen."""

    request_id: str
    began_at: datetime
    owner: str
    key_name: str
    route: str
    model: str
    upstream: str
    outcome: str
    status: int
    prompt_tokens: int
    completion_tokens: int
    estimated: bool
    queue_ms: float
    first_token_ms: float | None
    duration_ms: float


class Ledger:
    """Writes rows in a thread of its own. `start` and `stop` belong to the app's lifespan."""

    def __init__(self, database: Engine) -> None:
        self._writer = RowWriter(database, requests, Row._fields)
        self._waiting: deque[tuple[Row, asyncio.Future[None]]] = deque()
        self._wake = threading.Event()
        self._written = 0  # rows of the last batch
        self._stopping = False
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._patience: asyncio.TimerHandle | None = None
        self.accepting = True

    def start(self) -> None:
        """Starts the writer; call it on the event loop."""
        self._loop = asyncio.get_running_loop()
        self._thread = threading.Thread(target=self._write_all, name="ledger", daemon=True)
        self._thread.start()

    async def stop(self) -> None:
        """Writes what waits and ends the writer; gives up when the database stays away."""
        self._stopping = True
        self._wake.set()
        if self._thread is not None:
            await asyncio.to_thread(self._thread.join)

    def record(self, row: Row) -> asyncio.Future[None]:
        """Hands a row over. The future is done when the row is committed.

        While the database is away it is done all the same, within twice `COMMIT_TIMEOUT_S`.
        """
        if self._loop is None:
            raise RuntimeError("the ledger is not started")
        done: asyncio.Future[None] = self._loop.create_future()
        if len(self._waiting) < MAX_KEPT:
            self._waiting.append((row, done))
        if not self.accepting:
            done.set_result(None)
        elif self._patience is None:
            self._patience = self._loop.call_later(COMMIT_TIMEOUT_S, self._end_patience, done)
        if not self._wake.is_set():  # else the writer has not looked yet: this row was first
            self._wake.set()
        return done

    def _end_patience(self, oldest: asyncio.Future[None]) -> None:
        """One timer for all who wait: it looks again as long as anybody does."""
        self._patience = None
        waiting = [done for _, done in list(self._waiting) if not done.done()]
        if not oldest.done():
            self.accepting = False  # until a batch is committed
            _finish(waiting)
        elif waiting and self._loop is not None:
            self._patience = self._loop.call_later(COMMIT_TIMEOUT_S, self._end_patience, waiting[0])

    def _write_all(self) -> None:
        with closing(self._writer):
            stopping = False
            while not stopping:
                self._wake.wait()
                self._wake.clear()
                stopping = self._stopping  # before the look at what waits: nothing comes after it
                while self._waiting:
                    if self._written >= CROWD and not self._stopping:
                        time.sleep(GATHER_S)
                    if not self._write_batch() and self._stopping:
                        log.error("%d ledger rows are lost: no database", len(self._waiting))
                        return

    def _write_batch(self) -> bool:
        """Commits what waits, up to `MAX_BATCH` rows; False when the database is away."""
        size = min(len(self._waiting), MAX_BATCH)
        batch = [self._waiting[index] for index in range(size)]
        try:
            self._writer.write([row for row, _ in batch])
        except Exception as error:  # whatever it is: a thread that died would lose every row
            if self.accepting:
                log.error("the ledger cannot be written (%s); rows are kept", type(error).__name__)  # noqa: TRY400
            self.accepting = False
            if not self._stopping:
                time.sleep(RETRY_S)
            return False
        self.accepting, self._written = True, size
        for _ in batch:
            self._waiting.popleft()
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(_finish, [done for _, done in batch])
        return True

    def __repr__(self) -> str:
        return f"<Ledger [{len(self._waiting)} waiting, accepting={self.accepting}]>"


def _finish(futures: list[asyncio.Future[None]]) -> None:
    for future in futures:
        if not future.done():
            future.set_result(None)
