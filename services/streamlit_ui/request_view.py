"""The gateway's live request log: who asked for which model, how it ended, how long it took.

Owns: its table. The rows come from the gateway; none of them holds words. A model's name is
whatever a caller wrote, so it is drawn as it stands and never as Markdown.
"""

from __future__ import annotations

import re
from datetime import timedelta

import streamlit as st

from chat_client import RequestLog, RequestRow
from streamlit_ui.prose import for_page
from streamlit_ui.resources import request_watch

EVERY_S = 2.0
LONGEST = 40  # characters of a model's name
HEAD = """\
| Time | Key | Model | Ended | Tokens | In line | First token | Whole |
|---|---|---|---|--:|--:|--:|--:|
"""
NOBODY = (
    "Nobody has asked the gateway yet. Run one of the programs here, or give somebody a key: "
    "`make key NAME=ana`. What is asked in the web UIs goes to the model directly."
)


@st.fragment(run_every=EVERY_S)
def request_log() -> None:
    """Draws the newest requests, again and again."""
    log = request_watch().newest(EVERY_S - 0.5)
    if not isinstance(log, RequestLog):
        st.warning(for_page(str(log)), icon=":material/link_off:")
        return
    whose = "Everybody's requests" if log.reach == "all" else "The requests of this page's own key"
    st.caption(f"{whose} to the gateway as they end, the newest first. No words are kept.")
    if not log.data:
        st.info(NOBODY, icon=":material/hourglass_empty:")
        return
    away = timedelta(minutes=st.context.timezone_offset or 0)
    with st.container(key="requests", height=520, border=False):
        st.markdown(HEAD + "\n".join(_row(row, away) for row in log.data))


def _row(row: RequestRow, away: timedelta) -> str:
    mark = ":green[●]" if row.ok else ":orange[●]"
    about = "about " if row.estimated else ""
    cells = [
        f"{row.began_at - away:%H:%M:%S}",
        _as_it_stands(row.key),
        _as_it_stands(row.model) or "-",
        f"{mark} {row.status} {row.outcome.replace('_', ' ')}",
        f"{about}{row.prompt_tokens:,} → {row.completion_tokens:,}",
        _seconds(row.queue_ms),
        _seconds(row.first_token_ms),
        _seconds(row.duration_ms),
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
