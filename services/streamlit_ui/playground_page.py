"""The Playground from top to bottom: one prompt asked of several, side by side.

Owns: one run of the page and the round of this session. Everything drawn stands in the modules
around it.
"""

from __future__ import annotations

import streamlit as st

from chat_client import Round
from streamlit_ui import look
from streamlit_ui.chat_page import BEAT_S, FRESH_S, LOOK_S, wait_for_server
from streamlit_ui.keyboard import STOP
from streamlit_ui.leaderboard_view import leaderboard_view
from streamlit_ui.phone_scroll import bring_into_sight
from streamlit_ui.playground_setup import (
    LINKED,
    NOTHING,
    PROMPT,
    Setup,
    link_prompt,
    playground_setup,
)
from streamlit_ui.playground_view import show
from streamlit_ui.resources import chat_settings, rounds, server_watch
from streamlit_ui.session import read_elsewhere
from streamlit_ui.timer import every

ROUND = "round"  # in the address


def playground_page() -> None:
    """One run."""
    look.widen()
    state = server_watch().state(FRESH_S)
    round_ = _round()
    st.title("Playground")
    st.markdown("One prompt for two to four models or settings, answered side by side.")
    link_prompt()
    typed = st.chat_input(
        "Ask all of them", key=PROMPT, submit_mode="stop", disabled=not state.ready
    )
    setup = NOTHING
    if state.ready:
        setup = playground_setup(state.models, unfolded=round_ is None and not typed)
    if typed and setup.asked:
        round_ = _start(typed, setup, round_)
    under_way = round_ is not None and round_.open
    if round_ is not None and under_way:
        with st.bottom.container(horizontal_alignment="center"):
            st.button(
                "Stop",
                icon=":material/stop_circle:",
                key="stop",
                shortcut=STOP,
                on_click=round_.stop,
            )
    number = "" if round_ is None else st.session_state["round_id"]
    bring_into_sight(".st-key-asked-all" if number else "", number, growing=under_way)
    _keep_watch(round_)
    answers, board = st.container(), st.container()
    with board:
        leaderboard_view()
    if round_ is not None:
        with answers:
            show(round_, mark=setup.mark)
    if not state.ready:
        wait_for_server(talking=round_ is not None)


def _round() -> Round | None:
    """This session's round, or the one that the address names: a reload begins a new session."""
    if "round" not in st.session_state:
        found = rounds().get(st.query_params.get(ROUND, ""))
        if found is None:
            return None
        st.session_state.update({"round": found, "round_id": st.query_params[ROUND]})
        read_elsewhere([pane.reply for pane in found.panes])
    if st.query_params.get(ROUND) != st.session_state["round_id"]:
        st.query_params[ROUND] = st.session_state["round_id"]
    round_: Round = st.session_state["round"]
    return round_


def _start(prompt: str, setup: Setup, before: Round | None) -> Round:
    """Asks everybody; the round before is stopped."""
    if before is not None:
        before.stop()
    round_ = Round.start(
        chat_settings(), prompt, setup.asked, blind=setup.blind, to_load=setup.to_load
    )
    st.session_state["round"] = round_
    st.session_state["round_id"] = st.query_params[ROUND] = rounds().keep(round_)
    st.session_state["vote_note"] = ""
    st.session_state[LINKED] = prompt
    link_prompt()
    read_elsewhere([pane.reply for pane in round_.panes])
    return round_


def _keep_watch(round_: Round | None) -> None:
    """Draws nothing; draws the page anew after Stop, and when the server comes or goes."""
    shown = server_watch().state(FRESH_S)
    under_way = round_ is not None and round_.open

    def look_again() -> None:
        ended = under_way and round_ is not None and not round_.open
        if ended or server_watch().state(LOOK_S - 1) != shown:
            st.rerun()

    every(BEAT_S if under_way else LOOK_S)(look_again)()
