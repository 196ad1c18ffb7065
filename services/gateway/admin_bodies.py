"""What the admin API takes and answers: bodies, each field named, nothing else accepted.

Owns the shapes and turning them into values of `keys`. A field that is not listed is refused, not
ignored (the class of CVE-2026-47101 and CVE-2026-47102).
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any, Literal, cast

from pydantic import BaseModel, ConfigDict, Field

from gateway.key_grants import Actor, narrowed
from gateway.key_rows import KeyEdit
from gateway.key_view import KeyView
from gateway.keys import (
    DEFAULT_SCOPES,
    LIMIT_NAMES,
    MAX_LIMIT,
    MAX_MODELS,
    MAX_NOTE_CHARS,
    MAX_PATTERN_CHARS,
    Scope,
    parse_expiry,
)

Limit = Annotated[int, Field(strict=True, ge=1, le=MAX_LIMIT)]
Pattern = Annotated[str, Field(min_length=1, max_length=MAX_PATTERN_CHARS)]
Duration = Annotated[str, Field(max_length=20, examples=["30d", "12h", "45m"])]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class KeyFields(_Body):
    """The rights of a key. A field left out stays as it is, null takes a limit or expiry away."""

    scopes: Annotated[list[Scope], Field(min_length=1, max_length=len(Scope))] | None = None
    models: Annotated[list[Pattern], Field(max_length=MAX_MODELS)] | None = Field(
        None, description="names with * for any characters, such as lectern-101@*; empty: all"
    )
    rpm: Limit | None = Field(None, description="requests per minute")
    tpm: Limit | None = Field(None, description="tokens per minute")
    concurrency: Limit | None = Field(None, description="requests under way at once")
    daily_tokens: Limit | None = Field(None, description="tokens per day")
    expires: Duration | None = Field(None, description="from now on: 30d, 12h or 45m")
    note: Annotated[str, Field(max_length=MAX_NOTE_CHARS)] | None = None

    def edit(self) -> KeyEdit:
        """The fields that were sent, as the store takes them."""
        sent: dict[str, Any] = self.model_dump(exclude_unset=True, exclude={"name"})
        if "expires" in sent:
            text = sent.pop("expires")
            sent["expires_at"] = None if text is None else datetime.now(UTC) + parse_expiry(text)
        if "scopes" in sent:
            sent["scopes"] = frozenset(sent["scopes"] or ())
        if "models" in sent:
            sent["models"] = tuple(sent["models"] or ())
        if "note" in sent:
            sent["note"] = sent["note"] or ""
        return cast(KeyEdit, sent)


class CreateKey(KeyFields):
    """A new key. What is left out is as wide as the asking key allows."""

    name: Annotated[str, Field(min_length=1, max_length=99)]

    def complete(self, actor: Actor) -> KeyEdit:
        """Every field, with the asking key's own bounds where nothing was sent."""
        own = narrowed(actor)
        limits = {name: getattr(own.limits, name) for name in LIMIT_NAMES}
        whole: dict[str, Any] = {
            "scopes": own.scopes & frozenset(DEFAULT_SCOPES),
            "models": own.models,
            "expires_at": own.expires_at,
            "note": "",
        }
        return cast(KeyEdit, whole | limits | dict(self.edit()))


class RotateKey(_Body):
    """How long the old secret goes on working."""

    overlap: Duration = Field("24h", description="45m, 24h, up to 30d; 0 ends it at once")


class RevokeKey(_Body):
    """Whether the last admin key may end itself."""

    force: bool = False


class KeyList(BaseModel):
    """Every key, one entry for each person."""

    object: Literal["list"] = "list"
    data: list[KeyView]


class AuditEntry(BaseModel):
    """One change: who, when, what. Details map a field to its old and new value."""

    id: str
    at: datetime
    actor: str = Field(description="`command line`, or `key` and its name")
    actor_id: str | None
    action: Literal["create", "change", "rotate", "revoke"]
    target: str
    target_id: str
    details: dict[str, list[Any]]


class AuditPage(BaseModel):
    """Changes, newest first. For the next page ask again with `after` = `last_id`."""

    object: Literal["list"] = "list"
    data: list[AuditEntry]
    first_id: str | None
    last_id: str | None
    has_more: bool
