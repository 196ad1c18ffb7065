"""The two URLs behind which state sits: the database's and the limits' store.

Owns which ones can work and the sentence that refuses another. They may hold passwords, so a
sentence never repeats them.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from pydantic import SecretStr
from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError

MEMORY_LIMITS = "memory://"
POSTGRESQL = "postgresql+psycopg"
VALKEY_SCHEMES = ("valkey", "valkeys", "redis", "rediss")


def checked_database_url(value: SecretStr) -> SecretStr:
    """SQLite or PostgreSQL; `postgresql://` and `postgres://` stand for the driver shipped here."""
    text = value.get_secret_value()
    if not text:
        return value
    try:
        url = make_url(text)
    except (ArgumentError, ValueError):
        raise ValueError("it must be a URL such as postgresql+psycopg://user@host/db") from None
    if url.drivername in ("postgresql", "postgres"):
        url = url.set(drivername=POSTGRESQL)
    if url.drivername not in ("sqlite", POSTGRESQL):
        raise ValueError("it must begin with postgresql+psycopg:// or sqlite:///")
    if url.drivername == "sqlite" and not url.database:
        raise ValueError("a SQLite database must be a file: its keys would be gone at every stop")
    return SecretStr(url.render_as_string(hide_password=False))


def checked_limits_url(value: SecretStr) -> SecretStr:
    """`memory://`, or a Valkey or Redis server."""
    text = value.get_secret_value()
    if text == MEMORY_LIMITS:
        return value
    try:
        parts = urlsplit(text)
        whole = bool(parts.hostname) and parts.port != 0
    except ValueError:
        whole = False
    if not whole or parts.scheme not in VALKEY_SCHEMES:
        raise ValueError(
            f"it must be {MEMORY_LIMITS} or a URL such as valkey://:password@host:6379/0 "
            f"({', '.join(VALKEY_SCHEMES)}; the s is for TLS)"
        )
    if not (parts.path in ("", "/") or parts.path[1:].isdigit()):
        raise ValueError("its path must be the number of a database, as in valkey://host:6379/0")
    return value
