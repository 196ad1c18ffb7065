"""The database's tables, as the newest migration leaves them.

Owns names and types of columns. Changing them takes a migration in `migrations/versions`; a test
holds the two against each other.
"""

from __future__ import annotations

from sqlalchemy import Column, DateTime, Integer, LargeBinary, MetaData, String, Table

metadata = MetaData()

keys = Table(
    "keys",
    metadata,
    Column("public_id", String(10), primary_key=True),
    Column("name", String(100), nullable=False, index=True),
    Column("digest", LargeBinary(32), nullable=False),
    Column("scopes", String(200), nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("expires_at", DateTime(timezone=True)),
    Column("revoked_at", DateTime(timezone=True)),
)

# One row whose number grows with every change of a key, so that a running gateway sees with one
# cheap read that its table in memory is old.
key_changes = Table(
    "key_changes",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("version", Integer, nullable=False),
)
