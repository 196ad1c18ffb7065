"""The gateway's command line: `lectern …` in the container, `python -m gateway …` natively.

Owns which commands there are. Without one it serves.
"""

from __future__ import annotations

import typer

from gateway.key_commands import keys
from gateway.server import serve
from gateway.terminal import settings_or_stop
from gateway.usage_command import usage

cli = typer.Typer(
    help="Lectern's gateway. Without a command it serves.",
    add_completion=False,
    pretty_exceptions_enable=False,
)
cli.add_typer(keys, name="keys")
cli.command()(usage)


@cli.callback(invoke_without_command=True)
def main(context: typer.Context) -> None:
    """Serves unless a command is given."""
    if context.invoked_subcommand is None:
        serve(settings_or_stop())
