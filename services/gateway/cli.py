"""The gateway's command line: `lectern keys …` in the container, `python -m gateway …` natively.

Owns words and tables. What is asked for goes to standard output, alone, so that
`KEY=$(lectern keys create --name ana)` works; talk goes to standard error.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Annotated, NoReturn, TypeVar

import orjson
import typer
from rich.console import Console
from rich.table import Table
from sqlalchemy.exc import SQLAlchemyError

from gateway.database import open_database
from gateway.demo_key import demo_key
from gateway.keys import DEFAULT_SCOPES, Key, KeyRefused, KeyStore, Scope, parse_expiry
from gateway.pepper import load_pepper
from gateway.server import serve
from gateway.settings import GatewaySettings, SettingsError, load_settings

cli = typer.Typer(
    help="Lectern's gateway. Without a command it serves.",
    add_completion=False,
    pretty_exceptions_enable=False,
)
keys = typer.Typer(help="Keys of teammates.", no_args_is_help=True)
cli.add_typer(keys, name="keys")
talk = Console(stderr=True)
T = TypeVar("T")


@cli.callback(invoke_without_command=True)
def main(context: typer.Context) -> None:
    """Serves unless a command is given."""
    if context.invoked_subcommand is None:
        serve(_settings())


@keys.command()
def create(
    name: Annotated[str, typer.Option(help="whose key it is")],
    scope: Annotated[
        list[Scope] | None, typer.Option(help="what it may do; may be given several times")
    ] = None,
    expires: Annotated[str | None, typer.Option(help="how long it lives: 30d, 12h, 45m")] = None,
) -> None:
    """Makes a key and prints it, once."""

    def make(store: KeyStore, _settings: GatewaySettings) -> str:
        lifetime = parse_expiry(expires) if expires else None
        return store.create(name, tuple(scope) if scope else DEFAULT_SCOPES, lifetime).text

    text = _with_store(make)
    talk.print(f"The key of {name}. It is shown only now; keep it.", highlight=False)
    typer.echo(text)


@keys.command()
def demo() -> None:
    """Prints the demo key; makes it when there is none."""
    typer.echo(_with_store(lambda store, settings: demo_key(store, settings)))


@keys.command("list")
def list_keys(
    as_json: Annotated[bool, typer.Option("--json", help="a JSON list instead of a table")] = False,
) -> None:
    """Lists the keys, without their secrets."""
    found = _with_store(lambda store, _settings: store.all())
    if as_json:
        typer.echo(orjson.dumps([_fields(key) for key in found], option=orjson.OPT_INDENT_2))
        return
    table = Table("name", "id", "state", "scopes", "made", "expires")
    for key in found:
        fields = _fields(key)
        table.add_row(*(str(fields[name] or "never") for name in fields))
    Console().print(table)


@keys.command()
def revoke(name: str) -> None:
    """Ends the key of this name at once."""
    _with_store(lambda store, _settings: store.revoke(name))
    talk.print(f"The key of {name} is revoked.", highlight=False)


def _fields(key: Key) -> dict[str, str | None]:
    return {
        "name": key.name,
        "id": key.public_id,
        "state": key.state(datetime.now(UTC)),
        "scopes": " ".join(sorted(key.scopes)),
        "created_at": key.created_at.isoformat(timespec="seconds"),
        "expires_at": key.expires_at.isoformat(timespec="seconds") if key.expires_at else None,
    }


def _with_store(work: Callable[[KeyStore, GatewaySettings], T]) -> T:
    """Runs `work` on the configured database; ends with a sentence when it cannot."""
    settings = _settings()
    try:
        database = open_database(settings)
        try:
            return work(KeyStore(database, load_pepper(settings)), settings)
        finally:
            database.dispose()
    except KeyRefused as error:
        _stop(str(error))
    except (SQLAlchemyError, OSError) as error:
        _stop(f"The database cannot be used: {error}")


def _settings() -> GatewaySettings:
    try:
        return load_settings()
    except SettingsError as error:
        _stop(str(error))


def _stop(sentence: str) -> NoReturn:
    talk.print(sentence, style="red", highlight=False, soft_wrap=True, markup=False)
    raise typer.Exit(1)
