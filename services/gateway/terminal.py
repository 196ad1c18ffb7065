"""What every command of the gateway shares: where words go, and how it ends when it cannot.

Owns standard output and standard error. What is asked for goes to standard output, alone, so that
`KEY=$(lectern keys create --name ana)` works; talk goes to standard error, an error is a sentence.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NoReturn, TypeVar

import orjson
import typer
from rich.console import Console
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from gateway.database import open_database
from gateway.keys import KeyRefused
from gateway.settings import GatewaySettings, SettingsError, load_settings

T = TypeVar("T")


def say(sentence: str) -> None:
    """Talk, beside what was asked for."""
    Console(stderr=True).print(sentence, highlight=False, soft_wrap=True, markup=False)


def stop(sentence: str) -> NoReturn:
    """Ends the command with an error."""
    console = Console(stderr=True)
    console.print(sentence, style="red", highlight=False, soft_wrap=True, markup=False)
    raise typer.Exit(1)


def print_json(value: Any) -> None:
    """The `--json` answer of a command."""
    typer.echo(orjson.dumps(value, option=orjson.OPT_INDENT_2))


def settings_or_stop() -> GatewaySettings:
    """The settings; ends with a sentence for each bad value."""
    try:
        return load_settings()
    except SettingsError as error:
        stop(str(error))


def with_database(work: Callable[[Engine, GatewaySettings], T]) -> T:
    """Runs `work` on the configured database; ends with a sentence when it cannot."""
    settings = settings_or_stop()
    try:
        database = open_database(settings)
        try:
            return work(database, settings)
        finally:
            database.dispose()
    except KeyRefused as error:
        stop(str(error))
    except (SQLAlchemyError, OSError) as error:
        stop(f"The database cannot be used: {' '.join(str(error).split())}")
