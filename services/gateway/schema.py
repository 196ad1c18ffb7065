"""The database's tables, as the newest migration leaves them.

Owns names and types of columns. Changing them takes a migration in `migrations/versions`; a test
holds the two against each other.
"""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
)

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
    Column("owner", String(10), nullable=False, server_default=""),
    Column("current_name", String(100)),
    Column("models", Text, nullable=False, server_default="[]"),
    Column("rpm", Integer),
    Column("tpm", Integer),
    Column("concurrency", Integer),
    Column("daily_tokens", Integer),
    Column("note", String(500), nullable=False, server_default=""),
    Column("created_by", String(120), nullable=False, server_default="command line"),
    # A name belongs to one key at a time: the database says so, not a look before the insert.
    # Replaced and revoked keys have no `current_name`; any number of them may have been "ana".
    Index("keys_current_name", "current_name", unique=True),
)

# One row whose number grows with every change of a key, so that a running gateway sees with one
# cheap read that its table in memory is old.
key_changes = Table(
    "key_changes",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("version", Integer, nullable=False),
)

# The ledger: no bodies, no secrets. One row per request of a known key, whatever became of it.
requests = Table(
    "requests",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("request_id", String(40), nullable=False),
    Column("began_at", DateTime(timezone=True), nullable=False, index=True),
    Column("owner", String(40), nullable=False),
    Column("key_name", String(100), nullable=False),
    Column("route", String(60), nullable=False),
    Column("model", String(200), nullable=False),
    Column("upstream", String(60), nullable=False),
    Column("outcome", String(40), nullable=False),
    Column("status", Integer, nullable=False),
    Column("prompt_tokens", Integer, nullable=False),
    Column("completion_tokens", Integer, nullable=False),
    Column("estimated", Boolean, nullable=False),
    Column("queue_ms", Float, nullable=False),
    Column("first_token_ms", Float),
    Column("duration_ms", Float, nullable=False),
)
Index("requests_owner_began", requests.c.owner, requests.c.began_at)

# One row for every change of a key, written in the change's own transaction. `details` is JSON:
# field names with old and new values, never a secret.
audit = Table(
    "audit",
    metadata,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    Column("at", DateTime(timezone=True), nullable=False),
    Column("actor", String(120), nullable=False),
    Column("actor_id", String(10)),
    Column("action", String(20), nullable=False),
    Column("target", String(100), nullable=False),
    Column("target_id", String(10), nullable=False),
    Column("details", Text, nullable=False),
    sqlite_autoincrement=True,  # a number is never given twice: cursors and gaps stay true
)

# --- What a key keeps in the room: conversations, presets, votes --------------------------------
# `owner` is the person's id: it survives the rotation of a key.
# `number` is the row id that SQLite's full-text index points at; callers know `id` alone.

conversations = Table(
    "conversations",
    metadata,
    Column("number", Integer, primary_key=True),
    Column("id", String(40), nullable=False, unique=True, index=True),
    Column("owner", String(100), nullable=False),
    Column("title", Text, nullable=False),
    Column("system_prompt", Text),
    Column("settings", JSON, nullable=False),
    Column("pinned", Boolean, nullable=False),
    Column("version", Integer, nullable=False),
    Column("active_leaf", String(40)),
    Column("message_count", Integer, nullable=False),
    Column("size_bytes", BigInteger, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("updated_at", DateTime(timezone=True), nullable=False),
    Column("deleted_at", DateTime(timezone=True), index=True),
    Column("origin", String(20)),
    Column("import_digest", String(64)),
    Index("ix_conversations_listed", "owner", "pinned", "updated_at", "id"),
    Index("ix_conversations_imported", "owner", "import_digest"),
)

# `text` is what is read and searched; `parts` is set when the content is a list of parts.
messages = Table(
    "messages",
    metadata,
    Column("number", Integer, primary_key=True),
    Column("conversation", Integer, ForeignKey("conversations.number"), nullable=False),
    Column("id", String(40), nullable=False),
    Column("parent_id", String(40)),
    Column("position", Integer, nullable=False),
    Column("role", String(20), nullable=False),
    Column("text", Text, nullable=False),
    Column("parts", JSON(none_as_null=True)),
    Column("reasoning", Text),
    Column("model", Text),
    Column("numbers", JSON(none_as_null=True)),
    Column("extra", JSON(none_as_null=True)),
    Column("finished", Boolean, nullable=False),
    Column("feedback", String(10)),
    Column("size_bytes", Integer, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Index("ix_messages_id", "conversation", "id", unique=True),
    Index("ix_messages_position", "conversation", "position", unique=True),
)

presets = Table(
    "presets",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("owner", String(100), nullable=False),
    Column("name", String(100), nullable=False),
    Column("settings", JSON, nullable=False),
    Column("shared", Boolean, nullable=False, index=True),
    Column("version", Integer, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("updated_at", DateTime(timezone=True), nullable=False),
    Index("ix_presets_name", "owner", "name", unique=True),
)

votes = Table(
    "votes",
    metadata,
    Column("number", Integer, primary_key=True),
    Column("id", String(40), nullable=False, unique=True, index=True),
    Column("owner", String(100), nullable=False, index=True),
    Column("choice", String(10), nullable=False),
    Column("left_model", Text, nullable=False),
    Column("left_label", Text, nullable=False),
    Column("left_settings", JSON, nullable=False),
    Column("right_model", Text, nullable=False),
    Column("right_label", Text, nullable=False),
    Column("right_settings", JSON, nullable=False),
    Column("blind", Boolean, nullable=False),
    Column("shared", Boolean, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False),
)


def is_in_schema(name: str | None, _kind: str, _parents: object) -> bool:
    """Alembic's `include_name`: SQLite's full-text indexes are made by a migration alone."""
    return name is None or "_fts" not in name
