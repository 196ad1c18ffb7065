"""`lectern usage`: what the ledger adds up to, as a table, JSON or CSV."""

from __future__ import annotations

import csv
import sys
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Column, Table
from rich.text import Text

from gateway.terminal import print_json, with_database
from gateway.usage_report import By, usage_rows


def usage(
    key: Annotated[str | None, typer.Option(help="only this key's")] = None,
    by: Annotated[By, typer.Option(help="what to group by")] = By.KEY,
    as_json: Annotated[bool, typer.Option("--json", help="a JSON list")] = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="comma-separated values")] = False,
) -> None:
    """Shows requests and tokens, by key, model or day."""
    rows = with_database(lambda database, _settings: usage_rows(database, by, key_name=key))
    if as_json:
        print_json(rows)
    elif as_csv:
        _print_csv(by, rows)
    else:
        _print_table(by, rows)


COLUMNS = (
    "requests",
    "prompt_tokens",
    "completion_tokens",
    "total_tokens",
    "not_ok",
    "queue_ms",
    "first_token_ms",
)
HEADINGS = ("requests", "in", "out", "total", "not ok", "queue ms", "first ms")


def _print_csv(by: By, rows: list[dict[str, Any]]) -> None:
    writer = csv.DictWriter(sys.stdout, [by.value, *COLUMNS])
    writer.writeheader()
    writer.writerows(rows)


def _print_table(by: By, rows: list[dict[str, Any]]) -> None:
    # Short headings, so that a long model name fits into 80 columns.
    table = Table(Column(by.value, no_wrap=True), *HEADINGS)
    for row in rows:
        table.add_row(
            # Text, because a model's name comes from a caller: it is no markup.
            *(Text("" if row[name] is None else f"{row[name]}") for name in (by.value, *COLUMNS))
        )
    Console().print(table)
