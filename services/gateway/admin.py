"""The admin API: keys and their audit under `/lectern/admin`, for keys with the scope `admin`.

Owns the routes. Who may pass is `admin_gate`'s matter, who may grant what is `key_grants`'s, both
asked on every route. The functions are plain ones: FastAPI runs them in a thread, off the event
loop, because the store blocks on the database.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Security
from fastapi.security import HTTPBearer

from gateway.admin_bodies import (
    AuditEntry,
    AuditPage,
    CreateKey,
    KeyFields,
    KeyList,
    RevokeKey,
    RotateKey,
)
from gateway.admin_gate import gated_by
from gateway.audit import AuditLog, AuditRow
from gateway.error_body import answers
from gateway.key_check import KeyCheck
from gateway.key_form import KeyText
from gateway.key_grants import Actor
from gateway.key_store import KeyStore
from gateway.key_view import KeyView, NewKey, key_views, newest_view
from gateway.keys import LIMIT_NAMES, KeyLimits, parse_overlap


async def _actor(request: Request) -> Actor:
    return Actor(request.scope["lectern.key"])


_ONE = answers(400, 404)
Asking = Annotated[Actor, Depends(_actor)]
PageSize = Annotated[int, Query(ge=1, le=200)]
Cursor = Annotated[str | None, Query(pattern=r"^\d{1,18}$", description="`last_id` of a page")]


def admin_routes(store: KeyStore, audit: AuditLog, check: KeyCheck) -> APIRouter:
    """The routes, gated; include the router with no further prefix."""
    shown = HTTPBearer(auto_error=False, description="a key with the scope `admin`")
    router = APIRouter(
        prefix="/lectern/admin",
        tags=["admin"],
        route_class=gated_by(check),
        responses=answers(403),
        dependencies=[Security(shown)],  # for the API's description; the gate has checked it
    )
    _add_reading(router, store, audit)
    _add_changing(router, store)
    return router


def _add_reading(router: APIRouter, store: KeyStore, audit: AuditLog) -> None:
    @router.get("/keys", summary="Every key, without its secret")
    def list_keys() -> KeyList:
        return KeyList(data=key_views(store.all(), _now()))

    @router.get("/keys/{name}", summary="One key", responses=answers(404))
    def show_key(name: str) -> KeyView:
        return newest_view(store.named(name), _now())

    @router.get("/audit", summary="Changes of keys, newest first", responses=answers(400))
    def list_changes(limit: PageSize = 50, after: Cursor = None) -> AuditPage:
        rows = audit.page(limit + 1, int(after) if after else None)
        entries = [_entry(row) for row in rows[:limit]]
        return AuditPage(
            data=entries,
            first_id=entries[0].id if entries else None,
            last_id=entries[-1].id if entries else None,
            has_more=len(rows) > limit,
        )


def _add_changing(router: APIRouter, store: KeyStore) -> None:
    def shown(name: str) -> KeyView:
        return newest_view(store.named(name), _now())

    @router.post(
        "/keys",
        status_code=201,
        summary="Make a key; its secret is shown only now",
        responses=answers(400, 409),
    )
    def create_key(body: CreateKey, actor: Asking) -> NewKey:
        text = _create(store, body, actor)
        return NewKey(**dict(shown(body.name)), key=text.text)

    @router.patch(
        "/keys/{name}",
        summary="Change a key's scopes, models, limits, expiry or note",
        responses=_ONE,
    )
    def change_key(name: str, body: KeyFields, actor: Asking) -> KeyView:
        store.change(name, body.edit(), actor)
        return shown(name)

    @router.post(
        "/keys/{name}/rotate",
        summary="A new secret; the old one works for a while",
        responses=_ONE,
    )
    def rotate_key(name: str, actor: Asking, body: RotateKey | None = None) -> NewKey:
        overlap = parse_overlap((body or RotateKey()).overlap)
        text = store.rotate(name, overlap, actor)
        return NewKey(**dict(shown(name)), key=text.text)

    @router.post("/keys/{name}/revoke", summary="End a key at once", responses=_ONE)
    def revoke_key(name: str, actor: Asking, body: RevokeKey | None = None) -> KeyView:
        store.revoke(name, actor, force=(body or RevokeKey()).force)
        return shown(name)


def _create(store: KeyStore, body: CreateKey, actor: Actor) -> KeyText:
    fields = body.complete(actor)
    return store.create(
        body.name,
        fields["scopes"],
        models=fields["models"],
        limits=KeyLimits(**{name: fields[name] for name in LIMIT_NAMES}),  # type: ignore[literal-required]
        expires_at=fields["expires_at"],
        note=fields["note"],
        actor=actor,
    )


def _entry(row: AuditRow) -> AuditEntry:
    return AuditEntry(
        id=str(row.id),
        at=row.at,
        actor=row.actor,
        actor_id=row.actor_id,
        action=row.action,
        target=row.target,
        target_id=row.target_id,
        details=row.details,
    )


def _now() -> datetime:
    return datetime.now(UTC)
