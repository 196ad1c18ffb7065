"""A key never grants more than it has: the rule on values, and through the store."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, create_engine, insert
from sqlalchemy.pool import StaticPool

from gateway.key_grants import Actor, Grant, excess, grant_of
from gateway.key_rows import KeyEdit
from gateway.key_store import KeyStore
from gateway.keys import (
    LIMIT_NAMES,
    ActorEnded,
    GrantRefused,
    Key,
    KeyLimits,
    KeyRefused,
    Scope,
    glob_matches,
)
from gateway.schema import key_changes, metadata

SOON = datetime.now(UTC) + timedelta(hours=1)
patterns = st.text("ab*", min_size=1, max_size=5)
models = st.text("abc", max_size=6)
limit = st.none() | st.integers(1, 5)
limits = st.builds(KeyLimits, limit, limit, limit, limit)
expiries = st.none() | st.integers(0, 3).map(lambda hours: SOON + timedelta(hours=hours))
grants = st.builds(
    Grant,
    st.frozensets(st.sampled_from(Scope), min_size=1),
    st.lists(patterns, max_size=3, unique=True).map(tuple),
    limits,
    expiries,
)


def allows(grant: Grant, model: str) -> bool:
    return not grant.models or any(glob_matches(pattern, model) for pattern in grant.models)


def at_most(theirs: Any, mine: Any) -> bool:
    return mine is None or (theirs is not None and theirs <= mine)


def assert_within(wanted: Grant, own: Grant) -> None:
    assert wanted.scopes <= own.scopes
    for name in LIMIT_NAMES:
        assert at_most(getattr(wanted.limits, name), getattr(own.limits, name))
    assert at_most(wanted.expires_at, own.expires_at)


@given(wanted=grants, own=grants, model=models)
@settings(max_examples=400, deadline=None)
def test_what_is_not_refused_is_within(wanted: Grant, own: Grant, model: str) -> None:
    if excess(wanted, own) is None:
        assert_within(wanted, own)
        assert allows(own, model) or not allows(wanted, model)


@given(grant=grants)
@settings(deadline=None)
def test_a_key_may_grant_what_it_has(grant: Grant) -> None:
    assert excess(grant, grant) is None


@given(wider=patterns, narrower=patterns, model=models)
@settings(max_examples=400, deadline=None)
def test_a_pattern_within_another_lets_no_further_model_pass(
    wider: str, narrower: str, model: str
) -> None:
    if glob_matches(wider, narrower) and glob_matches(narrower, model):
        assert glob_matches(wider, model)


def fresh_store() -> KeyStore:
    engine: Engine = create_engine(
        "sqlite://", poolclass=StaticPool, connect_args={"check_same_thread": False}
    )
    with engine.begin() as connection:
        metadata.create_all(connection)
        connection.execute(insert(key_changes).values(id=1, version=0))
    return KeyStore(engine, b"pepper")


def made(store: KeyStore, name: str, grant: Grant) -> Key:
    store.create(
        name,
        grant.scopes,
        models=grant.models,
        limits=grant.limits,
        expires_at=grant.expires_at,
    )
    return store.named(name)[-1]


@given(own=grants, wanted=grants, target=grants, edit=grants)
@settings(max_examples=60, deadline=None)
def test_no_way_through_the_store_grants_more(
    own: Grant, wanted: Grant, target: Grant, edit: Grant
) -> None:
    store = fresh_store()
    own = Grant(own.scopes | {Scope.ADMIN}, own.models, own.limits, own.expires_at)
    actor = Actor(made(store, "admin", own))
    made(store, "target", target)
    changes = KeyEdit(
        scopes=edit.scopes,
        models=edit.models,
        rpm=edit.limits.rpm,
        tpm=edit.limits.tpm,
        concurrency=edit.limits.concurrency,
        daily_tokens=edit.limits.daily_tokens,
        expires_at=edit.expires_at,
    )
    for attempt in (
        lambda: store.create(
            "made",
            wanted.scopes,
            models=wanted.models,
            limits=wanted.limits,
            expires_at=wanted.expires_at,
            actor=actor,
        ),
        lambda: store.change("target", changes, actor),
        lambda: store.change("admin", changes, actor),
        lambda: store.rotate("target", actor=actor),
    ):
        try:
            attempt()
        except KeyRefused:
            continue
    by_actor = [key for key in store.all() if key.created_by == "key admin"]
    for key in by_actor:
        assert excess(grant_of(key), own) is None
    now_target = grant_of(store.named("target")[-1])
    assert now_target == target or excess(now_target, own) is None
    assert grant_of(store.named("admin")[0]) == own


@pytest.fixture
def store() -> KeyStore:
    return fresh_store()


def test_a_key_revoked_in_between_can_change_nothing(store: KeyStore) -> None:
    """Its request was let in a moment before; the rights that count are those of the change."""
    actor = Actor(made(store, "admin", Grant(frozenset(Scope))))
    store.revoke("admin")
    with pytest.raises(ActorEnded):
        store.create("eve", actor=actor)


def test_a_key_demoted_in_between_can_change_nothing(store: KeyStore) -> None:
    actor = Actor(made(store, "admin", Grant(frozenset(Scope))))
    store.change("admin", {"scopes": frozenset({Scope.CHAT})})
    with pytest.raises(GrantRefused, match="lacks the scope 'admin'"):
        store.create("eve", actor=actor)


def test_a_replaced_key_cannot_fetch_the_new_secret(store: KeyStore) -> None:
    """A leaked admin key was rotated away; in its last hours it must not get at its successor."""
    old = made(store, "admin", Grant(frozenset(Scope)))
    store.rotate("admin", timedelta(hours=1))
    with pytest.raises(GrantRefused, match="cannot manage the key 'admin'"):
        store.rotate("admin", actor=Actor(old))
    with pytest.raises(GrantRefused, match="a life beyond"):
        store.create("eve", actor=Actor(old))


def test_the_last_admin_key_does_not_end_itself_by_mistake(store: KeyStore) -> None:
    actor = Actor(made(store, "admin", Grant(frozenset(Scope))))
    with pytest.raises(GrantRefused, match="the last admin key"):
        store.revoke("admin", actor)
    other = made(store, "other", Grant(frozenset(Scope)))
    store.revoke("admin", actor)
    store.revoke("other", Actor(other), force=True)
    assert store.named("other")[0].revoked_at is not None


def test_a_weaker_admin_key_does_not_touch_a_stronger_one(store: KeyStore) -> None:
    made(store, "boss", Grant(frozenset(Scope)))
    made(store, "rich", Grant(frozenset({Scope.CHAT, Scope.MODELS_MANAGE})))
    weak = Actor(made(store, "weak", Grant(frozenset({Scope.CHAT, Scope.ADMIN}))))
    for name in ("boss", "rich"):
        with pytest.raises(GrantRefused, match="cannot manage"):
            store.rotate(name, actor=weak)
        with pytest.raises(GrantRefused, match="cannot manage"):
            store.change(name, {"rpm": 1}, weak)
    with pytest.raises(GrantRefused, match="cannot manage"):
        store.revoke("boss", weak)
    store.revoke("rich", weak)  # ending grants nothing, and in an emergency it must be possible
