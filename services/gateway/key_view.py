"""A key as people and programs see it: JSON of the admin API and of the command line's `--json`.

Owns the shape. One view for one person: the newest key, and every secret that the person ever had
by its public id. A digest or a secret is never in it; the text is added once, in `NewKey`.
"""

from __future__ import annotations

from datetime import datetime

from pydantic import BaseModel, Field

from gateway.keys import Key, Scope


class SecretView(BaseModel):
    """One secret of a person, by its public id."""

    id: str
    state: str = Field(description="active, retiring, expired or revoked")
    created_at: datetime
    created_by: str
    expires_at: datetime | None
    revoked_at: datetime | None


class KeyView(BaseModel):
    """One person's key. A limit of null is no limit; no models means every model."""

    name: str
    id: str
    owner: str = Field(description="stays the same when the key is rotated")
    state: str = Field(description="active, expired or revoked")
    scopes: list[Scope]
    models: list[str]
    rpm: int | None = Field(description="requests per minute")
    tpm: int | None = Field(description="tokens per minute")
    concurrency: int | None = Field(description="requests under way at once")
    daily_tokens: int | None = Field(description="tokens per day")
    note: str
    created_at: datetime
    created_by: str
    expires_at: datetime | None
    revoked_at: datetime | None
    secrets: list[SecretView]


class NewKey(KeyView):
    """The answer that shows a secret, once."""

    key: str = Field(description="the key's text; it is shown only now")


def key_view(rows: list[Key], now: datetime) -> KeyView:
    """The view of one person's keys, oldest first."""
    newest = next((key for key in rows if key.current), rows[-1])
    return KeyView(
        name=newest.name,
        id=newest.public_id,
        owner=newest.owner,
        state=newest.state(now),
        scopes=sorted(newest.scopes),
        models=list(newest.models),
        rpm=newest.limits.rpm,
        tpm=newest.limits.tpm,
        concurrency=newest.limits.concurrency,
        daily_tokens=newest.limits.daily_tokens,
        note=newest.note,
        created_at=newest.created_at,
        created_by=newest.created_by,
        expires_at=newest.expires_at,
        revoked_at=newest.revoked_at,
        secrets=[_secret_view(key, now) for key in rows],
    )


def key_views(keys: list[Key], now: datetime) -> list[KeyView]:
    """One view for each person, in the order in which they first got a key."""
    owners: dict[str, list[Key]] = {}
    for key in keys:
        owners.setdefault(key.owner, []).append(key)
    return [key_view(rows, now) for rows in owners.values()]


def newest_view(named: list[Key], now: datetime) -> KeyView:
    """Of all who ever had a name, the view of the one who has it, or had it last."""
    owner = next((key for key in named if key.current), named[-1]).owner
    return key_view([key for key in named if key.owner == owner], now)


def _secret_view(key: Key, now: datetime) -> SecretView:
    return SecretView(
        id=key.public_id,
        state=key.state(now),
        created_at=key.created_at,
        created_by=key.created_by,
        expires_at=key.expires_at,
        revoked_at=key.revoked_at,
    )
