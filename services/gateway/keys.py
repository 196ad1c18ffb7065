"""What a key is: its name, scopes, models, limits, life.

Owns the values and the small rules that need nothing but themselves. Rows are `key_store`'s
matter, who may grant what is `key_grants`'s.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from functools import lru_cache

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@ -]{0,98}")
_DURATION = re.compile(r"(\d{1,5})([dhm])")
_UNITS = {"d": "days", "h": "hours", "m": "minutes"}
MAX_LIMIT = 2_000_000_000  # fits a 32-bit column
MAX_MODELS = 50
MAX_PATTERN_CHARS = 200
MAX_NOTE_CHARS = 500


class Scope(StrEnum):
    """What a key may do."""

    CHAT = "chat"
    EMBED = "embed"
    MODELS_READ = "models:read"
    MODELS_MANAGE = "models:manage"
    REQUESTS_READ = "requests:read"
    ADMIN = "admin"


DEFAULT_SCOPES = (Scope.CHAT, Scope.EMBED, Scope.MODELS_READ)


class KeyRefused(Exception):
    """A key that cannot be made, changed or found; the message says what to do."""


class KeyNameTaken(KeyRefused):
    """Another key has the name and is still good."""


class KeyNotFound(KeyRefused):
    """No key of that name, or none that still works."""


class GrantRefused(KeyRefused):
    """A key tried to hand out, or to change, more than it may."""


class ActorEnded(KeyRefused):
    """The key that asked for a change is itself no longer good."""


@dataclass(frozen=True, slots=True)
class KeyLimits:
    """Upper bounds of one person; None is no bound. They hold for all of a person's keys as one."""

    rpm: int | None = None
    tpm: int | None = None
    concurrency: int | None = None
    daily_tokens: int | None = None


NO_LIMITS = KeyLimits()
LIMIT_NAMES = ("rpm", "tpm", "concurrency", "daily_tokens")


@dataclass(frozen=True, slots=True)
class Key:
    """A key as the gateway knows it; `digest` is 32 bytes, times are UTC.

    `owner` names the person: it survives rotation and changes when a revoked name is given anew.
    `current` is false for a key that was replaced by rotation. No `models` means every model.
    """

    public_id: str
    name: str
    owner: str
    digest: bytes
    scopes: frozenset[Scope]
    models: tuple[str, ...]
    limits: KeyLimits
    note: str
    created_by: str
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None
    current: bool

    def state(self, now: datetime) -> str:
        """`active`, `retiring` (replaced, works until it expires), `expired` or `revoked`."""
        if self.revoked_at is not None:
            return "revoked"
        if self.expires_at is not None and self.expires_at <= now:
            return "expired"
        return "active" if self.current else "retiring"

    def works(self, now: datetime) -> bool:
        """Whether a request with this key may pass at `now`."""
        return self.revoked_at is None and (self.expires_at is None or self.expires_at > now)

    def may_use(self, model: str) -> bool:
        """Whether the allow-list lets the model pass; give the model's real name, not an alias."""
        return not self.models or _allowed(self.models, model)

    def __repr__(self) -> str:
        return f"<Key {self.name!r} {self.public_id}>"  # never the digest


@lru_cache(maxsize=1024)
def _allowed(patterns: tuple[str, ...], model: str) -> bool:
    return any(glob_matches(pattern, model) for pattern in patterns)


def glob_matches(pattern: str, text: str) -> bool:
    """Whether `text` fits `pattern`, in which only `*` is special: any characters, also none.

    Searches piece by piece, so no pattern can make it slow as a regular expression can. Applied to
    another *pattern* it tells whether everything that fits that one fits this one, because a `*`
    in `text` can only be taken by a `*` of `pattern`.
    """
    head, *rest = pattern.split("*")
    if not rest:
        return text == pattern
    tail = rest.pop()
    if len(text) < len(head) + len(tail) or not (text.startswith(head) and text.endswith(tail)):
        return False
    at, end = len(head), len(text) - len(tail)
    for piece in rest:
        found = text.find(piece, at, end)
        if found < 0:
            return False
        at = found + len(piece)
    return True


def check_name(name: str) -> str:
    """`name`, or `KeyRefused`."""
    if not _NAME.fullmatch(name):
        raise KeyRefused(
            f"The name {name[:120]!r} cannot be used: use up to 99 letters, digits, spaces or ._@-"
        )
    return name


def check_scopes(scopes: frozenset[Scope]) -> frozenset[Scope]:
    """The scopes, or `KeyRefused` when there are none."""
    if not scopes:
        raise KeyRefused("A key needs at least one scope: " + ", ".join(Scope))
    return scopes


def check_models(models: tuple[str, ...]) -> tuple[str, ...]:
    """The allow-list without repetitions, or `KeyRefused`."""
    if len(models) > MAX_MODELS:
        raise KeyRefused(f"An allow-list holds at most {MAX_MODELS} models; this one has more.")
    for pattern in models:
        readable = pattern.isprintable() and not any(map(str.isspace, pattern))
        if not pattern or len(pattern) > MAX_PATTERN_CHARS or not readable:
            raise KeyRefused(
                f"The model {pattern[:120]!r} cannot be used: write a model's name, with * for "
                "any characters, such as lectern-101@*"
            )
    return tuple(dict.fromkeys(models))


def check_limits(limits: KeyLimits) -> KeyLimits:
    """The limits, or `KeyRefused`: each is a whole number from 1 up, or absent."""
    for name in LIMIT_NAMES:
        value = getattr(limits, name)
        if value is not None and not 1 <= value <= MAX_LIMIT:
            raise KeyRefused(f"The limit {name} cannot be {value}: use 1 to {MAX_LIMIT:,}")
    return limits


def check_note(note: str) -> str:
    """The note, or `KeyRefused`."""
    if len(note) > MAX_NOTE_CHARS or not note.isprintable():
        raise KeyRefused(f"A note is one line of at most {MAX_NOTE_CHARS} characters.")
    return note


def parse_expiry(text: str) -> timedelta:
    """`30d`, `12h` or `45m` as a duration."""
    match = _DURATION.fullmatch(text)
    if match is None or int(match[1]) == 0:
        raise KeyRefused(f"The expiry {text[:40]!r} cannot be read: write 30d, 12h or 45m")
    return timedelta(**{_UNITS[match[2]]: int(match[1])})


MAX_OVERLAP = timedelta(days=30)


def parse_overlap(text: str) -> timedelta:
    """`24h` and the like, at most 30 days; `0` or `0h` ends the old key at once."""
    match = _DURATION.fullmatch(text)
    duration = timedelta(**{_UNITS[match[2]]: int(match[1])}) if match else None
    if text == "0":
        duration = timedelta()
    if duration is None or duration > MAX_OVERLAP:
        raise KeyRefused(
            f"The overlap {text[:40]!r} cannot be used: write 0, 45m, 24h or up to 30d"
        )
    return duration
