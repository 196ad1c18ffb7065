"""The gateway's command line: `lectern …` in the container, `python -m gateway …` natively.

Owns which commands there are. Without one it serves, which is `__main__`'s matter.
"""

from __future__ import annotations

import typer

from gateway.alias_command import aliases
from gateway.key_commands import keys
from gateway.usage_command import usage

cli = typer.Typer(
    help="Lectern's gateway. Without a command it serves.",
    add_completion=False,
    pretty_exceptions_enable=False,
)
cli.add_typer(keys, name="keys")
cli.command()(usage)
cli.command()(aliases)
