"""The gateway's newest requests as a table: who asked which model, and how it went.

Owns the table's words and marks; everything foreign is escaped. No row holds what was said.
"""

from __future__ import annotations

from datetime import timedelta
from html import escape

from chat_client import ChatError, RequestLog, RequestRow

COLUMNS = ("Time", "Who", "Model", "Route", "Result", "Tokens", "First token", "Took")
MOST_ROWS = 200  # the gateway's bound
SHOWN_ROWS = 30
NONE_YET = "No question has come to the gateway lately."
OWN = "Only the requests of this page's own key: it may not see those of others."
PAST_IT = "The chats of this page go straight to the model server, past the gateway."


def log_card(log: RequestLog | ChatError, utc_offset_minutes: int, past_gateway: bool) -> str:
    """The table, or why there is none."""
    rows = [] if isinstance(log, ChatError) else _worth_a_row(log)
    if isinstance(log, ChatError):
        inside = f"<p class='fine' role='status'>{escape(log.message)} {escape(log.advice)}</p>"
    elif not rows:
        inside = f"<p class='fine'>{NONE_YET}</p>"
    else:
        head = "".join(f"<th scope='col'>{name}</th>" for name in COLUMNS)
        body = "".join(_row(row, utc_offset_minutes) for row in rows)
        inside = (
            '<div class="rows" tabindex="0" role="region" aria-label="Requests"><table>'
            f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
        )
    notes = [PAST_IT] if past_gateway else []
    if isinstance(log, RequestLog) and log.reach == "own":
        notes.append(OWN)
    fine = "".join(f"<p class='fine'>{note}</p>" for note in notes)
    return (
        '<section class="card" aria-label="Request log"><h2>Requests through the gateway '
        f"<small>newest first, live</small></h2>{fine}{inside}</section>"
    )


def _worth_a_row(log: RequestLog) -> list[RequestRow]:
    """Without the looks at the list of models: each open page takes one every few seconds."""
    return [row for row in log.data if row.model or not row.ok][:SHOWN_ROWS]


def _row(row: RequestRow, utc_offset_minutes: int) -> str:
    began = row.began_at + timedelta(minutes=utc_offset_minutes)
    about = "about " if row.estimated else ""
    first = f"{row.first_token_ms / 1000:.2f} s" if row.first_token_ms is not None else "none"
    result = str(row.status) if row.ok else f"{row.status} {row.outcome.replace('_', ' ')}"
    cells = (
        f"{began:%H:%M:%S}",
        row.key,
        row.model,
        row.route,
        result,
        f"{about}{row.prompt_tokens:,} in, {row.completion_tokens:,} out",
        first,
        f"{row.duration_ms / 1000:.2f} s",
    )
    mark = "" if row.ok else " class='failed'"
    return f"<tr{mark}>{''.join(f'<td>{escape(cell)}</td>' for cell in cells)}</tr>"
