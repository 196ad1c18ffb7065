"""The connection to the database and its upgrade to the present schema.

Owns SQLite's pragmas and running Alembic, which is imported only when there is something to do:
it costs a fifth of a second and 10 MB. It knows no table. Nothing here is on the path of a request.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Engine, create_engine, event, inspect, make_url, text
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.pool import ConnectionPoolEntry

from gateway.settings import GatewaySettings

MIGRATIONS = Path(__file__).parent / "migrations"


def open_database(settings: GatewaySettings) -> Engine:
    """An engine on the configured database, upgraded to the newest schema."""
    settings.gateway_data_dir.mkdir(0o700, parents=True, exist_ok=True)
    url = make_url(settings.sqlalchemy_url)
    if url.get_backend_name() == "sqlite":
        engine = create_engine(url, hide_parameters=True)
        event.listen(engine, "connect", _set_pragmas)
    else:
        from gateway.postgresql import open_postgresql  # the driver is loaded only when used

        engine = open_postgresql(url)
    if not _is_current(engine):
        with _one_at_a_time(settings.gateway_data_dir / "upgrade.lock"):
            _upgrade(engine)
    return engine


def upgrade_apart(settings: GatewaySettings) -> None:
    """Upgrades in a child process, so that Alembic does not stay in the memory of this one.

    Call it before there are threads. What goes wrong in it goes wrong again in `open_database`.
    """
    child = os.fork()
    if child == 0:
        code = 1
        try:
            open_database(settings).dispose()
            code = 0
        finally:
            os._exit(code)
    os.waitpid(child, 0)


def _is_current(engine: Engine) -> bool:
    newest = max(path.name.partition("_")[0] for path in (MIGRATIONS / "versions").glob("*_*.py"))
    with engine.connect() as connection:
        if not inspect(connection).has_table("alembic_version"):
            return False
        found = str(connection.scalar(text("SELECT version_num FROM alembic_version")))
    if found > newest:
        raise OSError("it was written by a newer version of Lectern; run that one")
    return found == newest


def _upgrade(engine: Engine) -> None:
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    if engine.dialect.name == "postgresql":
        from gateway.postgresql import upgrading

        transaction = upgrading(engine)
    else:
        transaction = engine.begin()
    with transaction as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


@contextmanager
def _one_at_a_time(path: Path) -> Iterator[None]:
    """The server and the command line may start together; only one may upgrade."""
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _set_pragmas(connection: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")  # readers do not wait for a writer
    cursor.execute("PRAGMA synchronous=NORMAL")
    cursor.execute("PRAGMA busy_timeout=5000")
    cursor.close()
