"""The line to Valkey: calls of scripts, in order, all that wait in one round trip.

Owns one connection, the bound on waiting, and that a server which is away is asked again soon but
not by every request. The client is the one that `limits` opens for the URL; it is imported only
here and only when used. Neither the URL nor an error's text is logged: they may hold a password.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from limits.storage import storage_from_string

from gateway.errors import LimitsAway
from gateway.limit_scripts import SCRIPTS, Script

# A busy machine, or a slow disk under Valkey, stands still for a second now and then.
TIMEOUT_S = 3.0
# After a failure calls fail at once for so long; then one batch tries again.
PAUSE_S = 0.5
MAX_BATCH = 500
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Call:
    """A script to run on the keys of one person."""

    script: Script
    keys: Sequence[str]
    arguments: Sequence[str | int]


class ValkeyLine:
    """Runs scripts. As a context it holds the worker and the connection."""

    def __init__(self, url: str, timeout_s: float = TIMEOUT_S) -> None:
        options: dict[str, Any] = {"socket_timeout": timeout_s, "socket_connect_timeout": timeout_s}
        if url.startswith(("rediss:", "valkeys:")):
            options["ssl_check_hostname"] = True  # the client's own default is not to look
        storage: Any = storage_from_string(f"async+{url}", implementation="valkey", **options)
        self._client = storage.bridge.get_connection()
        self._timeout_s = timeout_s
        self._waiting: deque[tuple[Call, asyncio.Future[Any]]] = deque()
        self._wake = asyncio.Event()
        self._paused_until = float("-inf")
        self._away = False
        self._worker: asyncio.Task[None] | None = None

    async def __aenter__(self) -> ValkeyLine:
        self._worker = asyncio.create_task(self._work())
        return self

    async def __aexit__(self, *_: object) -> None:
        """Sends what waits, bounded, and closes the connection."""
        if self._worker is not None:
            rest = [future for _, future in self._waiting]
            if rest:
                await asyncio.wait(rest, timeout=self._timeout_s)
            self._worker.cancel()
            await asyncio.gather(self._worker, return_exceptions=True)
        await self._client.aclose()

    def call(self, call: Call) -> asyncio.Future[Any]:
        """The script's answer; it is run even if nobody waits for it any more.

        The future raises `LimitsAway` when the answer did not come: whether the script ran is not
        known then.
        """
        future = asyncio.get_running_loop().create_future()
        future.add_done_callback(_retrieved)
        if time.monotonic() < self._paused_until:
            future.set_exception(_away())
        else:
            self._waiting.append((call, future))
            self._wake.set()
        return future

    async def _work(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._waiting:
                size = min(len(self._waiting), MAX_BATCH)
                batch = [self._waiting.popleft() for _ in range(size)]
                await self._run(batch)

    async def _run(self, batch: list[tuple[Call, asyncio.Future[Any]]]) -> None:
        try:
            async with asyncio.timeout(self._timeout_s):
                answers = await self._ask([call for call, _ in batch])
        except Exception as error:  # whatever it is, nobody may wait for ever
            answers = [error] * len(batch)
        failed = next((answer for answer in answers if isinstance(answer, Exception)), None)
        if failed is not None:
            await self._pause(failed)
            batch = batch + list(self._waiting)
            answers += [failed] * len(self._waiting)
            self._waiting.clear()
        elif self._away:
            self._away = False
            log.info("the store of the limits answers again")
        for (_, future), answer in zip(batch, answers, strict=True):
            if isinstance(answer, Exception):
                future.set_exception(_away())
            else:
                future.set_result(answer)

    async def _ask(self, calls: list[Call]) -> list[Any]:
        answers = await self._send(calls)
        unknown = [index for index, answer in enumerate(answers) if _is_unknown(answer)]
        if unknown:  # a new server, or one that was told to forget: they had no effect
            for script in SCRIPTS:
                await self._client.script_load(script.text)
            again = await self._send([calls[index] for index in unknown])
            for index, answer in zip(unknown, again, strict=True):
                answers[index] = answer
        return answers

    async def _send(self, calls: list[Call]) -> list[Any]:
        pipeline = self._client.pipeline(transaction=False)
        for call in calls:
            pipeline.evalsha(call.script.sha, len(call.keys), *call.keys, *call.arguments)
        answers: list[Any] = await pipeline.execute(raise_on_error=False)
        return answers

    async def _pause(self, failure: Exception) -> None:
        if not self._away:
            log.error(
                "the store of the limits does not answer (%s): keys with limits are refused",
                type(failure).__name__,
            )
        self._away = True
        self._paused_until = time.monotonic() + PAUSE_S
        # A connection with half an answer in it must never be used again.
        with contextlib.suppress(Exception):
            await self._client.connection_pool.disconnect(inuse_connections=True)

    def __repr__(self) -> str:
        return f"<ValkeyLine [{len(self._waiting)} waiting, away={self._away}]>"


def _away() -> LimitsAway:
    return LimitsAway("Limits cannot be counted right now. Try again in a moment.")


def _is_unknown(answer: object) -> bool:
    return type(answer).__name__ == "NoScriptError"


def _retrieved(future: asyncio.Future[Any]) -> None:
    """An answer that nobody waits for is no defect."""
    if not future.cancelled():
        future.exception()
