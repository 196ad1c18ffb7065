"""An imported conversation as rows: bounded like one that is sent, odd parts giving way.

Owns what is cut, what is dropped (and counted), and the digest by which a duplicate is known.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from typing import Any

from pydantic import ValidationError

from gateway.conversation_bodies import Answered, Role
from gateway.conversation_rows import auto_title, new_id, now, text_of
from gateway.import_parts import ImportedConversation, ImportedMessage, Json, LeftOut
from gateway.message_tree import latest_leaf
from gateway.model_settings import ModelSettings, clean, json_size, one_line
from gateway.room_limits import (
    MAX_MODEL_CHARS,
    MAX_SETTINGS_BYTES,
    MAX_SYSTEM_PROMPT_CHARS,
    MAX_TITLE_CHARS,
)


def answer_of(message: ImportedMessage, left_out: LeftOut) -> Answered:
    """The message within the bounds of one that is sent; odd parts give way."""
    fields: dict[str, Any] = {
        "content": message.content,
        "reasoning": message.reasoning,
        "model": one_line(message.model or "")[:MAX_MODEL_CHARS] or None,
        "finished": message.finished,
    }
    try:
        return Answered.model_validate(
            fields | {"numbers": message.numbers, "extra": message.extra}
        )
    except ValidationError:
        left_out.note("details of a message")
    try:
        return Answered.model_validate(fields)
    except ValidationError:
        content = message.content
        fields["content"] = content if isinstance(content, str) else text_of(content)
        return Answered.model_validate(fields)


def conversation_row(source: ImportedConversation, left_out: LeftOut) -> dict[str, Any]:
    title = one_line(source.title) or _first_question(source.messages)
    prompt = clean(source.system_prompt) if source.system_prompt else None
    if len(title) > MAX_TITLE_CHARS:
        left_out.note("end of a long title")
    if prompt and len(prompt) > MAX_SYSTEM_PROMPT_CHARS:
        left_out.note("end of a long system prompt")
    made = source.created_at or now()
    times = [message.created_at for message in source.messages if message.created_at]
    return {
        "id": new_id("conv"),
        "title": title[:MAX_TITLE_CHARS],
        "system_prompt": prompt[:MAX_SYSTEM_PROMPT_CHARS] if prompt else None,
        "settings": _settings(source.settings, left_out),
        "pinned": source.pinned,
        "version": 1,
        "created_at": made,
        "updated_at": source.updated_at or max(times, default=made),
        "origin": source.origin,
    }


def _settings(settings: Json, left_out: LeftOut) -> Json:
    try:
        known = ModelSettings.model_validate(settings).given()
        if json_size(known) <= MAX_SETTINGS_BYTES:
            return known
    except ValueError:  # pydantic's refusals are of this kind too
        pass
    left_out.note("settings")
    return {}


def _first_question(found: Iterable[ImportedMessage]) -> str:
    for message in found:
        if message.role is Role.USER:
            content = message.content
            return auto_title(content if isinstance(content, str) else text_of(content))
    return ""


def leaf_of(source: ImportedConversation, rows: list[dict[str, Any]]) -> str | None:
    parents = {row["id"]: row["parent_id"] for row in rows}
    first = [id_ for id_, parent in parents.items() if parent is None]
    return source.leaf or (latest_leaf(first[-1], parents) if first else None)


def digest_of(row: dict[str, Any], rows: list[dict[str, Any]]) -> str:
    """What makes two conversations the same, wherever they came from: no ids, no times."""
    places = {each["id"]: each["position"] for each in rows}
    said = [
        [
            places.get(each["parent_id"]),
            *(each[name] for name in ("role", "text", "parts", "reasoning")),
        ]
        for each in rows
    ]
    whole = [row["title"], row["system_prompt"], row["settings"], said]
    return hashlib.sha256(json.dumps(whole, sort_keys=True).encode()).hexdigest()
