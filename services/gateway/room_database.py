"""Transactions for what keys keep, and their place off the event loop.

Owns how reads see one moment and how writers take turns, on SQLite and PostgreSQL, and that a
database that is away is `StorageAway`. It knows no table. SQLAlchemy's own messages carry the
values of a statement, so they are neither logged nor passed on.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import ParamSpec, TypeVar

from sqlalchemy import Connection, Engine, func, select
from sqlalchemy.exc import DBAPIError, IntegrityError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from gateway.errors import GatewayError
from gateway.room_errors import StorageAway

# Below the default thread pool's smallest size: keys and ledger use the same pool.
THREADS = 3
P = ParamSpec("P")
T = TypeVar("T")
log = logging.getLogger(__name__)


class RoomDatabase:
    """The database as the stores of the room see it."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._turn = threading.Lock()  # SQLite's own waiting is a lottery of sleeps
        self._threads = asyncio.Semaphore(THREADS)

    @property
    def is_sqlite(self) -> bool:
        return self._engine.dialect.name == "sqlite"

    async def run(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Runs blocking `work` in a thread; raises `StorageAway` when the database is."""
        async with self._threads:
            return await asyncio.to_thread(lambda: _translated(work, *args, **kwargs))

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A connection whose reads all see the same moment."""
        with self._engine.connect() as connection:
            if self.is_sqlite:
                connection.exec_driver_sql("BEGIN")
            else:
                connection = connection.execution_options(isolation_level="REPEATABLE READ")
            yield connection

    @contextmanager
    def writing(self, owner: str) -> Iterator[Connection]:
        """A transaction in which nobody else changes what `owner` keeps; commits at the end."""
        if self.is_sqlite:
            with self._turn, self._engine.begin() as connection:
                connection.exec_driver_sql("BEGIN IMMEDIATE")
                yield connection
        else:
            with self._engine.begin() as connection:
                connection.execute(select(func.pg_advisory_xact_lock(func.hashtext(owner))))
                yield connection


def _translated(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    try:
        return work(*args, **kwargs)
    except SQLAlchemyError as error:
        log.warning("the database failed: %s", _kind(error))
        away = isinstance(error, (DBAPIError, PoolTimeout))
        if away and not isinstance(error, IntegrityError):
            raise StorageAway(
                "What you keep here cannot be read or changed right now. Try again in a moment."
            ) from None
        raise GatewayError("The gateway made a mistake; its log says which.") from None


def _kind(error: SQLAlchemyError) -> str:
    cause = type(error.orig).__name__ if isinstance(error, DBAPIError) else ""
    return f"{type(error).__name__} {cause}".strip()
