"""Conversations with their messages, presets and votes; full-text indexes where SQLite has them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

TIME = sa.DateTime(timezone=True)
# Triggers keep an index in step with its table. A later migration that rebuilds one of the two
# tables (Alembic's batch mode does) must make the table's triggers anew.
INDEXES = (("conversations", "title"), ("messages", "text"))


def upgrade() -> None:
    _conversations()
    _messages()
    _presets()
    _votes()
    if op.get_bind().dialect.name == "sqlite":
        for table, column in INDEXES:
            _full_text_index(table, column)


def _conversations() -> None:
    op.create_table(
        "conversations",
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column("id", sa.String(40), nullable=False, unique=True, index=True),
        sa.Column("owner", sa.String(100), nullable=False),
        sa.Column("title", sa.Text, nullable=False),
        sa.Column("system_prompt", sa.Text),
        sa.Column("settings", sa.JSON, nullable=False),
        sa.Column("pinned", sa.Boolean, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("active_leaf", sa.String(40)),
        sa.Column("message_count", sa.Integer, nullable=False),
        sa.Column("size_bytes", sa.BigInteger, nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("updated_at", TIME, nullable=False),
        sa.Column("deleted_at", TIME, index=True),
        sa.Column("origin", sa.String(20)),
        sa.Column("import_digest", sa.String(64)),
        sa.Index("ix_conversations_listed", "owner", "pinned", "updated_at", "id"),
        sa.Index("ix_conversations_imported", "owner", "import_digest"),
    )


def _messages() -> None:
    op.create_table(
        "messages",
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column(
            "conversation", sa.Integer, sa.ForeignKey("conversations.number"), nullable=False
        ),
        sa.Column("id", sa.String(40), nullable=False),
        sa.Column("parent_id", sa.String(40)),
        sa.Column("position", sa.Integer, nullable=False),
        sa.Column("role", sa.String(20), nullable=False),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("parts", sa.JSON(none_as_null=True)),
        sa.Column("reasoning", sa.Text),
        sa.Column("model", sa.Text),
        sa.Column("numbers", sa.JSON(none_as_null=True)),
        sa.Column("extra", sa.JSON(none_as_null=True)),
        sa.Column("finished", sa.Boolean, nullable=False),
        sa.Column("size_bytes", sa.Integer, nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.Index("ix_messages_id", "conversation", "id", unique=True),
        sa.Index("ix_messages_position", "conversation", "position", unique=True),
    )


def _presets() -> None:
    op.create_table(
        "presets",
        sa.Column("id", sa.String(40), primary_key=True),
        sa.Column("owner", sa.String(100), nullable=False),
        sa.Column("name", sa.String(100), nullable=False),
        sa.Column("settings", sa.JSON, nullable=False),
        sa.Column("shared", sa.Boolean, nullable=False, index=True),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("updated_at", TIME, nullable=False),
        sa.Index("ix_presets_name", "owner", "name", unique=True),
    )


def _votes() -> None:
    op.create_table(
        "votes",
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column("id", sa.String(40), nullable=False, unique=True, index=True),
        sa.Column("owner", sa.String(100), nullable=False, index=True),
        sa.Column("choice", sa.String(10), nullable=False),
        sa.Column("left_model", sa.Text, nullable=False),
        sa.Column("left_label", sa.Text, nullable=False),
        sa.Column("left_settings", sa.JSON, nullable=False),
        sa.Column("right_model", sa.Text, nullable=False),
        sa.Column("right_label", sa.Text, nullable=False),
        sa.Column("right_settings", sa.JSON, nullable=False),
        sa.Column("blind", sa.Boolean, nullable=False),
        sa.Column("shared", sa.Boolean, nullable=False),
        sa.Column("created_at", TIME, nullable=False),
    )


def _full_text_index(table: str, column: str) -> None:
    """An FTS5 index that reads its text from the table itself: nothing is stored twice."""
    index = f"{table}_fts"
    add = f"INSERT INTO {index} (rowid, {column}) VALUES (new.number, new.{column});"  # noqa: S608
    drop = (
        f"INSERT INTO {index} ({index}, rowid, {column}) "  # noqa: S608
        f"VALUES ('delete', old.number, old.{column});"
    )
    op.execute(
        f"CREATE VIRTUAL TABLE {index} USING fts5({column}, content='{table}', "
        "content_rowid='number', tokenize='unicode61 remove_diacritics 2', prefix='2 3')"
    )
    op.execute(f"CREATE TRIGGER {index}_added AFTER INSERT ON {table} BEGIN {add} END")
    op.execute(f"CREATE TRIGGER {index}_dropped AFTER DELETE ON {table} BEGIN {drop} END")
    op.execute(
        f"CREATE TRIGGER {index}_changed AFTER UPDATE OF {column} ON {table} BEGIN {drop} {add} END"
    )
