"""The chat's question as a program: curl, Python and JavaScript, ready to be copied and run.

Owns: which server the programs ask, and when a key is shown. Their text is `chat_client`'s.
"""

from __future__ import annotations

import streamlit as st
from pydantic import SecretStr

from chat_client import ChatSettings, Message, RequestLog, ServerState, snippets
from streamlit_ui.model_picker import chosen_model
from streamlit_ui.resources import chat_settings, request_watch
from streamlit_ui.session import shown_conversation
from streamlit_ui.settings_panel import set_now

LOG_FRESH_S = 10.0
GATEWAY, DIRECT = "The gateway", "The model server itself"
NOBODYS = "Give everybody a key of their own: make key NAME=ana"
OWN = "The web UIs' own key: for this machine, not for others"
EXAMPLE = "What is a token?"


def programs(state: ServerState, gateway: str, server: str) -> None:
    """Draws the section; the addresses are those that people reach."""
    settings = chat_settings()
    target = GATEWAY
    with st.container(horizontal=True, vertical_alignment="center"):
        if gateway != server:
            target = st.radio("Ask", [GATEWAY, DIRECT], horizontal=True, key="target")
        key = _own_key(settings, target)
        shown = st.toggle(
            "Fill in the key",
            key="show_key",
            disabled=not key,
            help=(OWN if target == GATEWAY else "LM Studio's token") if key else NOBODYS,
        )
    if target == GATEWAY:
        asked = settings.model_copy(
            update={"llm_url": gateway, "llm_api_key": SecretStr(key or "not known")}
        )
    else:
        asked = settings
    model = chosen_model(state.models)
    sampling, system_prompt = set_now()
    made = snippets(
        asked,
        model.id if model else "MODEL",
        _messages(system_prompt or ""),
        sampling,
        show_key=shown and bool(key),
        base_url=gateway if target == GATEWAY else server,
    )
    for tab, snippet in zip(st.tabs([each.title for each in made]), made, strict=True):
        tab.code(snippet.code, language=snippet.language)
    st.caption(
        "With the model, the settings and the last question of your chat. Change them there."
    )


def _messages(system_prompt: str) -> list[Message]:
    conversation = shown_conversation()
    entries = conversation.dialogue.shown if conversation else []
    questions = [each.message.text for each in entries if each.message.role == "user"]
    system = [Message("system", system_prompt)] if system_prompt else []
    return [*system, Message("user", questions[-1] if questions else EXAMPLE)]


def _own_key(settings: ChatSettings, target: str) -> str:
    """The key that may be shown: the pages' own, while nobody but this machine can open them.

    The gateway knows that, and shows everybody's requests only then. A key that somebody chose for
    these pages may be worth more than they are: it is never shown.
    """
    log = request_watch().newest(LOG_FRESH_S)
    if not isinstance(log, RequestLog) or log.reach != "all":
        return ""
    if target == DIRECT:
        return settings.lmstudio_api_token.get_secret_value() if not settings.llm_url else ""
    chosen = settings.gateway_key.get_secret_value() or settings.llm_api_key.get_secret_value()
    return "" if chosen else settings.room_key
