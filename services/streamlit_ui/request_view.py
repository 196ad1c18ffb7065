"""The gateway's live request log: who asks for which model, how it goes, how long it takes.

Owns: its table and the choice of rows. They come from the gateway; none of them holds words. A
model's name is whatever a caller wrote, so it is drawn as it stands and never as Markdown.
"""

from __future__ import annotations

import re
from datetime import timedelta

import streamlit as st

from chat_client import (
    ALL_MODELS,
    OUTCOME_HELP,
    OUTCOMES,
    Outcome,
    RequestLog,
    RequestRow,
    RunningRow,
)
from streamlit_ui.prose import for_page
from streamlit_ui.resources import request_watch
from streamlit_ui.timer import every

EVERY_S = 2.0
LONGEST = 40  # characters of a model's name
HEAD = """\
| Time | State | Key | Model | Tokens | In line | First token | Whole |
|---|---|---|---|--:|--:|--:|--:|
"""
NOBODY = (
    "Nobody has asked the gateway yet. Run one of the programs here, or give somebody a key: "
    "`make key NAME=ana`. What is asked in the web UIs goes to the model directly."
)
NONE_SO = "No request is like that. Choose All and All models to see every one."


def request_log() -> None:
    """What to show of the log, and its rows, drawn again and again."""
    # Not in the fragment: a list that is open would be closed each time that it is drawn.
    outcome, model = _choices(sorted(_models_asked()))
    _rows(outcome, model)


def _models_asked() -> set[str]:
    """The models that this page has seen in the log; none goes while it is open."""
    asked: set[str] = st.session_state.setdefault("models-asked", set())
    return asked


def _choices(models: list[str]) -> tuple[Outcome, str]:
    with st.container(horizontal=True, vertical_alignment="bottom", key="request-choices"):
        outcome: Outcome | None = st.segmented_control(
            "Show",
            list(OUTCOMES),
            default="",
            format_func=lambda each: OUTCOMES[each],
            key="request-outcome",
            help=OUTCOME_HELP,
            required=True,
        )
        model: str = st.selectbox(
            "Model",
            ["", *models],
            format_func=lambda name: name or ALL_MODELS,
            key="request-model",
            help="Only requests for this model.",
            width=260,
        )
    return outcome or "", model


@every(EVERY_S)
def _rows(outcome: Outcome, model: str) -> None:
    log = request_watch().newest(EVERY_S - 0.5, outcome, model)
    if not isinstance(log, RequestLog):
        st.warning(for_page(str(log)), icon=":material/link_off:")
        return
    if new := set(log.models) - _models_asked():
        _models_asked().update(new)
        st.rerun()
    whose = "Everybody's requests" if log.reach == "all" else "The requests of this page's key"
    st.caption(f"{whose} to the gateway: on top what runs or waits, then what ended. No words.")
    if not log.data and not log.running:
        st.info(NONE_SO if outcome or model else NOBODY, icon=":material/hourglass_empty:")
        return
    away = timedelta(minutes=st.context.timezone_offset or 0)
    rows = [_running(row, away) for row in log.running] + [_ended(row, away) for row in log.data]
    with st.container(key="requests", height=520, border=False):
        st.markdown(HEAD + "\n".join(rows))


def _running(row: RunningRow, away: timedelta) -> str:
    queued = row.position is not None
    state = f"{':orange[●]' if queued else ':blue[●]'} {row.words}"
    tokens = f"→ {row.completion_tokens:,}" if row.first_token_ms is not None else "-"
    in_line = f"place {row.position}" if queued else "-"
    so_far = f"{_seconds(row.elapsed_ms)} so far"
    return _row(row, away, state, tokens, in_line, so_far)


def _ended(row: RequestRow, away: timedelta) -> str:
    mark = ":green[●]" if row.ok else ":orange[●]"
    about = "about " if row.estimated else ""
    state = f"{mark} {row.status} {row.outcome.replace('_', ' ')}"
    tokens = f"{about}{row.prompt_tokens:,} → {row.completion_tokens:,}"
    return _row(row, away, state, tokens, _seconds(row.queue_ms), _seconds(row.duration_ms))


def _row(
    row: RequestRow | RunningRow,
    away: timedelta,
    state: str,
    tokens: str,
    in_line: str,
    whole: str,
) -> str:
    cells = [
        f"{row.began_at - away:%H:%M:%S}",
        state,
        _as_it_stands(row.key),
        _as_it_stands(row.model) or "-",
        tokens,
        in_line,
        _seconds(row.first_token_ms),
        whole,
    ]
    return "| " + " | ".join(cells) + " |"


def _seconds(milliseconds: float | None) -> str:
    if milliseconds is None:
        return "-"
    return f"{milliseconds:.0f} ms" if milliseconds < 1000 else f"{milliseconds / 1000:.1f} s"


def _as_it_stands(text: str) -> str:
    """The text with every mark of Markdown taken literally."""
    short = text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"
    return re.sub(r"([^\w\s…])", r"\\\1", " ".join(short.split()))
