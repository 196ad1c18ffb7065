"""`lectern aliases`: other names for models, changed while the gateway runs.

Owns the words of this command. The file and its rules are `aliases`' matter.
"""

from __future__ import annotations

from typing import Annotated

import typer

from gateway.aliases import Aliases
from gateway.terminal import print_json, say, settings_or_stop, stop

Changes = Annotated[
    list[str] | None,
    typer.Argument(metavar="NAME=MODEL", help="a new name, or NAME= to take one away"),
]
Json = Annotated[bool, typer.Option("--json", help="JSON instead of words")]


def aliases(changes: Changes = None, as_json: Json = False) -> None:
    """Lists other names for models; with NAME=MODEL it adds one, with NAME= it takes it away."""
    settings = settings_or_stop()
    settings.gateway_data_dir.mkdir(0o700, parents=True, exist_ok=True)
    known = Aliases(settings.aliases, settings.gateway_data_dir)
    if changes:
        wanted = {}
        for change in changes:
            name, equals, model = (word.strip() for word in change.partition("="))
            if not (name and equals) or "," in change or "\n" in change:
                stop(f"{change!r} must look like gpt-4o-mini=lectern-101, or gpt-4o-mini=")
            if not model and name in settings.aliases:
                stop(f"{name!r} is set by GATEWAY_ALIASES: take it away there")
            wanted[name] = model
        known.change(wanted)
        say("A running gateway takes it over within a second.")
    if as_json:
        print_json(dict(known))
        return
    for name, model in sorted(known.items()):
        typer.echo(f"{name}={model}")
