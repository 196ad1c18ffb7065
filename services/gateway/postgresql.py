"""The connection to PostgreSQL, with a bound on every wait.

Owns the driver, which is imported only when this module is, and what its connections are opened
with. A server that is gone without a word must cost seconds, not the minutes of TCP; one that takes
a question and never answers must not hold a thread for ever. Days are counted in UTC.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from psycopg.pq import TransactionStatus
from sqlalchemy import URL, Connection, Engine, create_engine, event, func, select, text

POOL_WAIT_S = 5
# A question is given up by the server first, then by this side.
OPTIONS = "-c timezone=UTC -c statement_timeout=8s -c lock_timeout=5s"
ANSWER_TIMEOUT_S = 10.0
# libpq's own, unless the URL says otherwise.
PARAMETERS = {
    "connect_timeout": "5",
    "tcp_user_timeout": "10000",  # ms
    "keepalives_idle": "10",
    "keepalives_interval": "5",
    "keepalives_count": "2",
    "application_name": "lectern",
}
UPGRADE_LOCK = 0x4C65_6374_6572_6E  # "Lectern"


class BoundedConnection(psycopg.Connection[Any]):
    """A connection that closes when an answer takes longer than `answer_timeout_s`."""

    answer_timeout_s: float | None = ANSWER_TIMEOUT_S

    def wait(self, gen: Any, interval: float = 0.1, timeout: float | None = None) -> Any:
        try:
            return super().wait(gen, interval, timeout or self.answer_timeout_s)
        except psycopg.OperationalError:
            if self.pgconn.transaction_status == TransactionStatus.ACTIVE:
                self.close()  # an answer that comes now would be taken for the next one's
            raise


def open_postgresql(url: URL) -> Engine:
    """An engine; connects to nothing yet."""
    given = url.query.get("options", ())
    options = " ".join((OPTIONS, *((given,) if isinstance(given, str) else given)))
    engine = create_engine(
        url,
        hide_parameters=True,
        connect_args={**PARAMETERS, **url.query, "options": options},
        pool_timeout=POOL_WAIT_S,
        pool_pre_ping=True,  # a connection that did not survive the server's restart is no error
    )
    event.listen(engine, "do_connect", _connect)
    return engine


@contextmanager
def upgrading(engine: Engine) -> Iterator[Connection]:
    """A transaction for changing the schema: one at a time on all machines, as long as it takes."""
    with engine.begin() as connection:
        driver: Any = connection.connection.dbapi_connection
        driver.answer_timeout_s = None
        for setting in ("statement_timeout", "lock_timeout"):
            connection.execute(text(f"SET LOCAL {setting} = 0"))
        connection.execute(select(func.pg_advisory_xact_lock(UPGRADE_LOCK)))
        yield connection
    driver.answer_timeout_s = ANSWER_TIMEOUT_S


def _connect(_dialect: Any, _record: Any, arguments: Any, parameters: Any) -> BoundedConnection:
    return BoundedConnection.connect(*arguments, **parameters)
