"""Who may hand out what: a key never grants more than it has.

Pure rules on values, no I/O. `key_store` asks them inside the transaction that makes the change,
with the asking key as it stands in the database at that moment.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from gateway.keys import LIMIT_NAMES, NO_LIMITS, GrantRefused, Key, KeyLimits, Scope, glob_matches


@dataclass(frozen=True, slots=True)
class Actor:
    """Who makes a change: the operator at the command line, or a key with the scope `admin`."""

    key: Key | None = None

    @property
    def text(self) -> str:
        """As the audit says it; the prefix keeps a key named `command line` apart from ours."""
        return f"key {self.key.name}" if self.key else "command line"

    @property
    def public_id(self) -> str | None:
        return self.key.public_id if self.key else None


COMMAND_LINE = Actor()


@dataclass(frozen=True, slots=True)
class Grant:
    """The rights that a key carries."""

    scopes: frozenset[Scope]
    models: tuple[str, ...] = ()
    limits: KeyLimits = NO_LIMITS
    expires_at: datetime | None = None


def grant_of(key: Key) -> Grant:
    """The rights of a key."""
    return Grant(key.scopes, key.models, key.limits, key.expires_at)


def excess(wanted: Grant, own: Grant) -> str | None:
    """What `wanted` has beyond `own`, as the end of a sentence; None when it is within."""
    scopes = sorted(wanted.scopes - own.scopes)
    if scopes:
        return f"the scope {scopes[0].value!r}"
    for pattern in own.models and (wanted.models or ("*",)):
        if not any(glob_matches(mine, pattern) for mine in own.models):
            return f"the model {pattern!r}"
    for name in LIMIT_NAMES:
        mine, theirs = getattr(own.limits, name), getattr(wanted.limits, name)
        if mine is not None and (theirs is None or theirs > mine):
            return f"more than {mine} for {name}"
    if own.expires_at and (wanted.expires_at is None or wanted.expires_at > own.expires_at):
        return f"a life beyond {own.expires_at:%Y-%m-%d %H:%M} UTC"
    return None


def refuse_excess(actor: Actor, wanted: Grant) -> None:
    """Raises `GrantRefused` when the actor would grant more than it has."""
    beyond = excess(wanted, grant_of(actor.key)) if actor.key else None
    if beyond:
        raise GrantRefused(f"Your key cannot grant {beyond}: it does not have that itself.")


def refuse_stronger(actor: Actor, target: Key) -> None:
    """Raises `GrantRefused` when the target may more than the actor."""
    beyond = excess(grant_of(target), grant_of(actor.key)) if actor.key else None
    if beyond:
        raise GrantRefused(
            f"Your key cannot manage the key {target.name!r}: that one has {beyond}."
        )


def refuse_self_change(actor: Actor, target: Key) -> None:
    """Raises `GrantRefused` when a key would change its own rights."""
    if actor.key and actor.key.owner == target.owner:
        raise GrantRefused("A key cannot change its own scopes, models, limits or expiry.")


def narrowed(actor: Actor) -> Grant:
    """What a new key gets where nothing is asked for: the actor's own bounds."""
    return grant_of(actor.key) if actor.key else Grant(frozenset(Scope))
