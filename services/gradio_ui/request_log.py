"""The gateway's request log as a table: who asks which model now, who did, and how it went.

Owns the table's words and marks; everything foreign is escaped. No row holds what was said.
"""

from __future__ import annotations

from datetime import timedelta
from html import escape

from chat_client import ChatError, RequestLog, RequestRow, RunningRow
from gradio_ui.notice import with_code

COLUMNS = ("Time", "State", "Who", "Model", "Tokens", "First token", "Took", "Route")
TITLE = "<h2>Requests through the gateway <small>newest first, live</small></h2>"
MOST_ROWS = 30
NONE_YET = "No question has come to the gateway lately."
NONE_SO = "No request is like that. Choose All and All models to see every one."
OWN = "Only the requests of this page's own key: it may not see those of others."
PAST_IT = "The chats of this page go straight to the model server, past the gateway."


def log_rows(log: RequestLog | ChatError, utc_offset_minutes: int, *, picked: bool) -> str:
    """The table, or why there is none; `picked`: not every request was asked for."""
    if isinstance(log, ChatError):
        return f"<p class='fine' role='status'>{escape(log.message)} {with_code(log.advice)}</p>"
    away = timedelta(minutes=utc_offset_minutes)
    rows = [_running(row, away) for row in log.running] + [_ended(row, away) for row in log.data]
    if not rows:
        return f"<p class='fine'>{NONE_SO if picked else NONE_YET}</p>"
    head = "".join(f"<th scope='col'>{name}</th>" for name in COLUMNS)
    return (
        '<div class="rows" tabindex="0" role="region" aria-label="Requests"><table>'
        f"<thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table></div>"
    )


def log_notes(log: RequestLog | ChatError, past_gateway: bool) -> str:
    """Whose requests these are, and whose they are not."""
    notes = [PAST_IT] if past_gateway else []
    if isinstance(log, RequestLog) and log.reach == "own":
        notes.append(OWN)
    return "".join(f"<p class='fine'>{note}</p>" for note in notes)


def _running(row: RunningRow, away: timedelta) -> str:
    tokens = f"{row.completion_tokens:,} out" if row.first_token_ms is not None else ""
    return _row("running", row, away, row.words, tokens, f"{_s(row.elapsed_ms)} so far")


def _ended(row: RequestRow, away: timedelta) -> str:
    about = "about " if row.estimated else ""
    tokens = f"{about}{row.prompt_tokens:,} in, {row.completion_tokens:,} out"
    state = str(row.status) if row.ok else f"{row.status} {row.outcome.replace('_', ' ')}"
    mark = "" if row.ok else "failed"
    return _row(mark, row, away, state, tokens, _s(row.duration_ms))


def _row(
    mark: str,
    row: RequestRow | RunningRow,
    away: timedelta,
    state: str,
    tokens: str,
    took: str,
) -> str:
    first = "" if row.first_token_ms is None else _s(row.first_token_ms)
    time = f"{row.began_at + away:%H:%M:%S}"
    cells = (time, state, row.key, row.model, tokens, first, took, row.route)
    return f"<tr class='{mark}'>{''.join(f'<td>{escape(cell)}</td>' for cell in cells)}</tr>"


def _s(milliseconds: float) -> str:
    return f"{milliseconds / 1000:.2f} s"
