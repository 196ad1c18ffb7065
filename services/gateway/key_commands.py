"""`lectern keys …`: make, list, show, change, rotate and revoke keys from a terminal.

Owns the words of these commands and their tables. The rules are `key_store`'s; whoever can run
this reads the database anyway, so nothing is asked of them, and the audit says "command line".
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Annotated, Any, TypeVar, cast

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from gateway.demo_key import NAME as DEMO
from gateway.demo_key import demo_key
from gateway.key_mark import KeyMark
from gateway.key_rows import KeyEdit
from gateway.key_store import KeyStore
from gateway.key_view import KeyView, NewKey, key_views, newest_view
from gateway.keys import DEFAULT_SCOPES, KeyLimits, Scope, parse_expiry, parse_overlap
from gateway.pepper import load_pepper
from gateway.settings import GatewaySettings
from gateway.terminal import print_json, say, with_database

T = TypeVar("T")
keys = typer.Typer(help="Keys of teammates.", no_args_is_help=True)

Json = Annotated[bool, typer.Option("--json", help="JSON instead of words")]
Name = Annotated[str, typer.Argument(help="whose key it is")]
Scopes = Annotated[
    list[Scope] | None,
    typer.Option("--scope", help="what it may do; may be given several times"),
]
Models = Annotated[
    list[str] | None,
    typer.Option(
        "--model",
        help="a model it may use, * for any characters; may be given several times; none: all",
    ),
]
Rpm = Annotated[int | None, typer.Option(help="requests per minute")]
Tpm = Annotated[int | None, typer.Option(help="tokens per minute")]
Concurrency = Annotated[int | None, typer.Option(help="requests under way at once")]
DailyTokens = Annotated[int | None, typer.Option(help="tokens per day")]
Expires = Annotated[str | None, typer.Option(help="how long it lives: 30d, 12h, 45m")]
Note = Annotated[str | None, typer.Option(help="a line for yourself")]


@keys.command()
def create(
    name: Annotated[str, typer.Option(help="whose key it is")],
    scope: Scopes = None,
    model: Models = None,
    rpm: Rpm = None,
    tpm: Tpm = None,
    concurrency: Concurrency = None,
    daily_tokens: DailyTokens = None,
    expires: Expires = None,
    note: Note = None,
    as_json: Json = False,
) -> None:
    """Makes a key and prints it, once."""

    def make(store: KeyStore) -> NewKey:
        text = store.create(
            name,
            scope or DEFAULT_SCOPES,
            parse_expiry(expires) if expires else None,
            models=tuple(model or ()),
            limits=KeyLimits(rpm, tpm, concurrency, daily_tokens),
            note=note or "",
        )
        return _new(store, name, text.text)

    _print_new(_with_store(make), as_json)


@keys.command("list")
def list_keys(as_json: Json = False) -> None:
    """Lists the keys, without their secrets."""
    views = _with_store(lambda store: key_views(store.all(), _now()))
    if as_json:
        print_json([view.model_dump(mode="json") for view in views])
        return
    table = Table()
    columns = ("name", "id", "state", "scopes", "models", "limits", "expires")
    for column in columns:
        table.add_column(column, overflow="fold", no_wrap=column in ("id", "state"))
    for view in views:
        fields = _words(view)
        table.add_row(*(Text(fields[column]) for column in columns))
    Console().print(table)


@keys.command()
def show(name: Name, as_json: Json = False) -> None:
    """Shows one key: its rights, and every secret it had, by public id."""
    view = _with_store(lambda store: newest_view(store.named(name), _now()))
    if as_json:
        print_json(view.model_dump(mode="json"))
        return
    table = Table(show_header=False)
    for field, words in (_words(view) | _more_words(view)).items():
        table.add_row(field, Text(words))  # what somebody wrote is no markup
    for secret in view.secrets:
        table.add_row("secret", f"{secret.id}, {secret.state}, ends {_time(secret.expires_at)}")
    Console().print(table)


@keys.command()
def change(
    name: Name,
    scope: Scopes = None,
    model: Models = None,
    rpm: Rpm = None,
    tpm: Tpm = None,
    concurrency: Concurrency = None,
    daily_tokens: DailyTokens = None,
    expires: Expires = None,
    note: Note = None,
    as_json: Json = False,
) -> None:
    """Changes what is given; 0 takes a limit away, --model '*' lets every model pass."""
    limits = {"rpm": rpm, "tpm": tpm, "concurrency": concurrency, "daily_tokens": daily_tokens}
    edit: dict[str, Any] = {
        field: value or None for field, value in limits.items() if value is not None
    }

    def apply(store: KeyStore) -> KeyView:
        if scope:
            edit["scopes"] = frozenset(scope)
        if model:
            edit["models"] = () if model == ["*"] else tuple(model)
        if expires:
            edit["expires_at"] = _now() + parse_expiry(expires)
        if note is not None:
            edit["note"] = note
        store.change(name, cast(KeyEdit, edit))
        return newest_view(store.named(name), _now())

    view = _with_store(apply)
    if as_json:
        print_json(view.model_dump(mode="json"))
    else:
        say(f"The key of {name} is changed.")


@keys.command()
def rotate(
    name: Name,
    overlap: Annotated[str, typer.Option(help="how long the old one still works; 0: ends")] = "24h",
    as_json: Json = False,
) -> None:
    """Prints a new secret for the same key; the old one works until the overlap ends."""

    def renew(store: KeyStore) -> NewKey:
        text = store.rotate(name, parse_overlap(overlap))
        return _new(store, name, text.text)

    _print_new(_with_store(renew), as_json)


@keys.command()
def revoke(name: Name, as_json: Json = False) -> None:
    """Ends every key of this name at once."""

    def end(store: KeyStore) -> KeyView:
        store.revoke(name)
        return newest_view(store.named(name), _now())

    view = _with_store(end)
    if as_json:
        print_json(view.model_dump(mode="json"))
    else:
        say(f"The key of {name} is revoked.")


@keys.command()
def demo(as_json: Json = False) -> None:
    """Prints the demo key; makes it when there is none."""

    def give(store: KeyStore, settings: GatewaySettings) -> NewKey:
        text = demo_key(store, settings)
        return _new(store, DEMO, text)

    new = with_database(lambda database, settings: give(_store(database, settings), settings))
    print_json(new.model_dump(mode="json")) if as_json else typer.echo(new.key)


def _print_new(new: NewKey, as_json: bool) -> None:
    say(f"The key of {new.name}. It is shown only now; keep it.")
    if as_json:
        print_json(new.model_dump(mode="json"))
    else:
        typer.echo(new.key)


def _new(store: KeyStore, name: str, text: str) -> NewKey:
    return NewKey(**dict(newest_view(store.named(name), _now())), key=text)


def _words(view: KeyView) -> dict[str, str]:
    limits = {
        "rpm": view.rpm,
        "tpm": view.tpm,
        "at once": view.concurrency,
        "tokens a day": view.daily_tokens,
    }
    shown = [f"{value:,} {name}" for name, value in limits.items() if value is not None]
    return {
        "name": view.name,
        "id": view.id,
        "state": view.state,
        "scopes": " ".join(view.scopes),
        "models": " ".join(view.models) or "all",
        "limits": ", ".join(shown) or "none",
        "made": _time(view.created_at),
        "expires": _time(view.expires_at),
    }


def _more_words(view: KeyView) -> dict[str, str]:
    return {"made by": view.created_by, "owner": view.owner, "note": view.note}


def _time(moment: datetime | None) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC" if moment else "never"


def _now() -> datetime:
    return datetime.now(UTC)


def _store(database: Any, settings: GatewaySettings) -> KeyStore:
    return KeyStore(database, load_pepper(settings), KeyMark(settings.gateway_data_dir))


def _with_store(work: Callable[[KeyStore], T]) -> T:
    return with_database(lambda database, settings: work(_store(database, settings)))
