"""The Server page, after LM Studio's own: what runs where, its models, and how programs use it.

Owns: the order of the page and which section of it shows. Each section stands in its own module.
"""

from __future__ import annotations

import streamlit as st

from chat_client import (
    FOR_TEAMMATES,
    FOR_THIS_MACHINE,
    KEY_WANTED,
    NO_KEY_WANTED,
    ChatSettings,
    RequestLog,
    ServerState,
    gateway_address,
    outside_address,
    program_targets,
)
from streamlit_ui.exchange_view import last_turn
from streamlit_ui.opening import RETRY_S, state_page
from streamlit_ui.program_view import programs
from streamlit_ui.prose import for_page
from streamlit_ui.request_view import request_log
from streamlit_ui.resources import chat_settings, request_watch, server_watch
from streamlit_ui.server_models import server_models
from streamlit_ui.timer import every

FRESH_S = 5.0
LOG_FRESH_S = 3.0
SECTIONS = {
    "Models": ":material/memory:",
    "Programs": ":material/code:",
    "Requests": ":material/receipt_long:",
    "Last turn": ":material/frame_inspect:",
}


def server_page() -> None:
    """One run."""
    state = server_watch().state(FRESH_S)
    st.title("Server")
    if state.ready:
        st.markdown(f":green[●] **{state.server}** answers: {for_page(state.steps[-1].detail)}.")
    _addresses(chat_settings(), state)
    section: str | None = st.segmented_control(
        "Section",
        list(SECTIONS),
        default="Models",
        format_func=lambda name: f"{SECTIONS[name]} {name}",
        key="section",
        bind="query-params",
        label_visibility="collapsed",
        required=True,
    )
    if section == "Requests":
        request_log()
    elif section == "Last turn":
        last_turn()
    elif section == "Programs":
        programs(state, program_targets(chat_settings(), _page_host()))
    else:
        if state.ready:
            server_models()
        _watch(state)


def _page_host() -> str:
    """The address of this page, which tells where people reach both servers."""
    return st.context.headers.get("Host", "")


def _addresses(settings: ChatSettings, state: ServerState) -> None:
    host = _page_host()
    gateway, server = gateway_address(settings, host), outside_address(settings, host)
    cards = st.columns(2) if server != gateway else [st.container()]
    with cards[0].container(border=True, key="gateway-card"):
        log = request_watch().newest(LOG_FRESH_S)
        mark = ":green[●]" if isinstance(log, RequestLog) else ":orange[●]"
        st.markdown(f"{mark} **Gateway**, {FOR_TEAMMATES}")
        st.code(f"{gateway}/v1", language=None)
        if isinstance(log, RequestLog):
            st.caption(KEY_WANTED)
        else:
            st.caption(for_page(str(log)))
    if server == gateway:
        return
    with cards[1].container(border=True, key="server-card"):
        mark = ":green[●]" if state.ready else ":orange[●]"
        name = state.server if state.reachable else "Model server"
        st.markdown(f"{mark} **{name}**, {FOR_THIS_MACHINE}")
        st.code(f"{server}/v1", language=None)
        st.caption(NO_KEY_WANTED)


@every(RETRY_S)
def _watch(shown: ServerState) -> None:
    """Why there is no model to load, or nothing while there is; goes on by itself."""
    state = server_watch().state(RETRY_S - 1)
    if state != shown:
        st.rerun()
    if not state.ready:
        state_page(state)
