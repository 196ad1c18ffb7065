"""How much a key may keep: the bounds of conversations, presets and votes.

Owns the numbers; the stores enforce them. Sizes are bytes of UTF-8 as stored, times are seconds.
"""

from __future__ import annotations

from dataclasses import dataclass

MIB = 1024 * 1024

MAX_TITLE_CHARS = 200
MAX_NAME_CHARS = 100
MAX_MODEL_CHARS = 200
MAX_LABEL_CHARS = 100
MAX_SYSTEM_PROMPT_CHARS = 100_000
MAX_PARTS = 64
MAX_SETTINGS_BYTES = 32 * 1024  # room for a JSON schema
MAX_PART_BYTES = 8 * MIB  # an image
MAX_USAGE_BYTES = 4 * 1024
MAX_EXTRA_BYTES = 256 * 1024  # tool calls, names of attachments
MAX_DEPTH = 32  # of nested JSON
MAX_QUERY_CHARS = 200
MAX_SEARCH_TERMS = 16
MAX_PAGE = 200


@dataclass(frozen=True, slots=True)
class Limits:
    """The bounds for one key. A body may be larger than a message: JSON escapes take room."""

    conversations: int = 5_000
    messages: int = 5_000
    message_bytes: int = 8 * MIB
    conversation_bytes: int = 64 * MIB
    owner_bytes: int = 512 * MIB
    body_bytes: int = 16 * MIB
    import_bytes: int = 64 * MIB
    presets: int = 200
    votes: int = 10_000
    undo_s: int = 7 * 24 * 3600
    purge_batch: int = 20
