"""Rights and limits of keys, rotation, and the audit of changes."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    for column in (
        sa.Column("owner", sa.String(10), nullable=False, server_default=""),
        sa.Column("current_name", sa.String(100)),
        sa.Column("models", sa.Text, nullable=False, server_default="[]"),
        sa.Column("rpm", sa.Integer),
        sa.Column("tpm", sa.Integer),
        sa.Column("concurrency", sa.Integer),
        sa.Column("daily_tokens", sa.Integer),
        sa.Column("note", sa.String(500), nullable=False, server_default=""),
        sa.Column("created_by", sa.String(120), nullable=False, server_default="command line"),
    ):
        op.add_column("keys", column)
    _name_owners()
    op.create_index("keys_current_name", "keys", ["current_name"], unique=True)
    op.create_table(
        "audit",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("actor", sa.String(120), nullable=False),
        sa.Column("actor_id", sa.String(10)),
        sa.Column("action", sa.String(20), nullable=False),
        sa.Column("target", sa.String(100), nullable=False),
        sa.Column("target_id", sa.String(10), nullable=False),
        sa.Column("details", sa.Text, nullable=False),
        sqlite_autoincrement=True,
    )


def _name_owners() -> None:
    """Every key so far is its own owner; the newest unrevoked one of a name keeps the name."""
    keys = sa.table(
        "keys",
        *(sa.column(name) for name in ("public_id", "name", "owner", "current_name")),
        *(sa.column(name) for name in ("created_at", "revoked_at")),
    )
    connection = op.get_bind()
    connection.execute(sa.update(keys).values(owner=keys.c.public_id))
    unrevoked = (
        sa.select(keys.c.public_id, keys.c.name)
        .where(keys.c.revoked_at.is_(None))
        .order_by(keys.c.created_at)
    )
    newest = {row.name: row.public_id for row in connection.execute(unrevoked)}
    for name, public_id in newest.items():
        connection.execute(
            sa.update(keys).where(keys.c.public_id == public_id).values(current_name=name)
        )
