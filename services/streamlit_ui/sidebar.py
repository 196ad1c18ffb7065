"""The side panel from top to bottom: where the model is, a new chat, the model, chats, settings.

Owns: the panel's order and what each mode shows of it. Its parts stand in modules of their own.
"""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from chat_client import Model, Sampling, ServerState
from chat_client.sampling_fields import Mode
from streamlit_ui.choice import Choice
from streamlit_ui.keyboard import NEW_CHAT, help_button, model_key
from streamlit_ui.model_picker import chosen_model, model_picker
from streamlit_ui.session import new_chat
from streamlit_ui.settings_panel import mode_switch, set_now, settings_panel


@dataclass(frozen=True)
class Sidebar:
    """What was chosen, and the two places that are filled when the question is on its way."""

    mode: Mode
    choice: Choice
    chats: DeltaGenerator
    presets: DeltaGenerator


def status(state: ServerState) -> str:
    """One line of Markdown: does the model server answer, and where is it?"""
    address = urlsplit(state.url).netloc
    if state.ready:
        return f":green[●] {state.server} · {address}"
    return f":orange[●] {'No model at' if state.reachable else 'No answer from'} {address}"


def sidebar(state: ServerState) -> Sidebar:
    """Draws the panel; call it inside `st.sidebar`."""
    st.markdown("### Lectern")
    st.caption(status(state))
    st.button(
        "New chat",
        icon=":material/add:",
        key="new_chat",
        width="stretch",
        shortcut=NEW_CHAT,
        on_click=new_chat,
    )
    model = model_picker(state.models)
    middle, below = st.container(), st.container(key="below")
    with below:
        mode = mode_switch()
        help_button()
        model_key()
    chats = presets = middle
    if mode != "user":
        chats, settings = middle.tabs(["Chats", "Settings"])
        presets = settings.container()
        with settings:
            sampling, system_prompt = settings_panel(mode)
    else:
        sampling, system_prompt = settings_panel(mode)
    choice = _choice(state, model, sampling, system_prompt)
    return Sidebar(mode, choice, chats.container(key="chats"), presets.container())


def choice_now(state: ServerState) -> Choice:
    """The same choice without drawing the panel."""
    return _choice(state, chosen_model(state.models), *set_now())


def _choice(
    state: ServerState, model: Model | None, sampling: Sampling, system_prompt: str | None
) -> Choice:
    others = tuple(each for each in state.models if each is not model and not each.refused)
    return Choice(model.id if model else None, sampling, system_prompt, model, others)
