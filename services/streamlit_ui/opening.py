"""What an empty chat shows: a welcome with questions to click, or why there is no model yet.

Owns: the welcome and the state page. Whether the server answers is the caller's knowledge.
"""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import urlsplit

import streamlit as st

from chat_client import ServerState, Step
from streamlit_ui.prose import for_page

SUGGESTIONS = (
    "What is a token?",
    "What does temperature do?",
    "What is quantization?",
    "Tell me a story about a fox.",
)
RETRY_S = 3


def place(state: ServerState) -> str:
    """Where a question goes, for example `on LM Studio at 127.0.0.1:1234`."""
    return f"on {state.server} at {urlsplit(state.url).netloc}"


def welcome(state: ServerState, model: str | None, ask: Callable[[str], None]) -> None:
    """The first sight of a working page; `ask` is called with the suggestion that is clicked."""
    st.title("What would you like to know?")
    st.markdown(
        f"Your question goes to **{for_page(model or 'the model')}** {place(state)} and "
        "nowhere else; Lectern's gateway keeps the chat. Ask anything, or begin with one of these:"
    )
    for first in range(0, len(SUGGESTIONS), 2):
        row = st.columns(2)
        for column, suggestion in zip(row, SUGGESTIONS[first : first + 2], strict=True):
            column.button(
                suggestion,
                key=f"suggestion-{suggestion}",
                width="stretch",
                on_click=ask,
                args=(suggestion,),
            )


def state_page(state: ServerState) -> None:
    """What was tried on the way to a model, and the one thing to do."""
    if state.reachable:
        st.title("No model to chat with yet")
    else:
        st.title("No model server answers yet")
    st.markdown(f"Lectern looks for it at `{state.url}`:")
    st.markdown("\n\n".join(_line(step) for step in state.steps))
    if state.advice:
        st.info(f"**What to do:** {state.advice}", icon=":material/build:")
    st.caption(f"Trying again every {RETRY_S} seconds; this page goes on by itself.")


def banner(state: ServerState) -> None:
    """The same in short, under a conversation that cannot go on just now."""
    failed = next((step.detail for step in state.steps if not step.ok), "no model server answers")
    st.warning(
        f"**No answer can come just now:** {for_page(failed)} {state.advice} "
        f"Trying again every {RETRY_S} seconds.",
        icon=":material/link_off:",
    )


def _line(step: Step) -> str:
    mark = ":green[:material/check_circle:]" if step.ok else ":orange[:material/cancel:]"
    return f"{mark} **{step.name}:** {for_page(step.detail)}"
