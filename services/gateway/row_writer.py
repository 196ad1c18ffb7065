"""Writes the ledger's rows: one statement, one transaction a batch, on a connection that it keeps.

Owns what makes a row cheap (no statement is compiled again, rows go to the driver as they are) and
that no value which somebody made up can stop the ledger: what the database refuses is bent until it
fits. A batch is committed when `write` returns. Killing the process loses none of it; on SQLite
(WAL, synchronous=NORMAL) the loss of power can take the last ones, PostgreSQL keeps them, too.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, DateTime, Engine, Table
from sqlalchemy.exc import DataError

from gateway.second_text import second_text

# Two of them fit into PostgreSQL's integer, which adds them up.
MAX_NUMBER = 1_000_000_000
MADE_UP = (DataError, OverflowError, UnicodeError)


class RowWriter:
    """Adds rows to one table. One thread uses it; `close` when it is done."""

    def __init__(self, database: Engine, table: Table, columns: Sequence[str]) -> None:
        self._database = database
        sqlite = database.dialect.name == "sqlite"
        # SQLite has no type for times: these are handed over as text.
        times = {column.name for column in table.c if isinstance(column.type, DateTime)}
        self._times = [place for place, name in enumerate(columns) if sqlite and name in times]
        mark = "?" if sqlite else "%s"
        names, marks = ", ".join(columns), ", ".join([mark] * len(columns))
        self._statement = f"INSERT INTO {table.name} ({names}) VALUES ({marks})"  # noqa: S608
        self._connection: Connection | None = None

    def write(self, rows: Sequence[Sequence[Any]]) -> None:
        """Commits the rows; raises when the database is away, and none is committed then."""
        try:
            self._insert(self._fit(rows))
        except MADE_UP:
            self._insert(self._fit([[_bent(value) for value in row] for row in rows]))

    def close(self) -> None:
        """Gives the connection back; `write` opens another."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def _insert(self, rows: list[tuple[Any, ...]]) -> None:
        if self._connection is None:
            self._connection = self._database.connect()
        try:
            with self._connection.begin():
                self._connection.exec_driver_sql(self._statement, rows)
        except BaseException:
            self.close()  # it may be broken
            raise

    def _fit(self, rows: Sequence[Sequence[Any]]) -> list[tuple[Any, ...]]:
        fitting = []
        for row in rows:
            values = list(row)
            for place in self._times:
                values[place] = _time_as_text(values[place])
            fitting.append(tuple(values))
        return fitting


def _time_as_text(value: datetime | None) -> str | None:
    """As SQLAlchemy reads it from SQLite: UTC without saying so."""
    if value is None:
        return None
    if value.tzinfo is not UTC:
        value = value.astimezone(UTC)
    return f"{second_text(int(value.timestamp()), ' ')}.{value.microsecond:06d}"


def _bent(value: Any) -> Any:
    """The value as every database takes it."""
    if isinstance(value, str):
        return value.encode(errors="replace").decode().replace("\0", "\N{REPLACEMENT CHARACTER}")
    if isinstance(value, int):
        return max(-MAX_NUMBER, min(value, MAX_NUMBER))
    return value
