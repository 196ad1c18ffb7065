"""The chat's question as a program: curl, Python and JavaScript, ready to be copied and run.

Owns: which server the programs ask, and when a key is shown. Their text is `chat_client`'s.
"""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from chat_client import (
    VIA_GATEWAY,
    ChatSettings,
    Message,
    ProgramTarget,
    RequestLog,
    ServerState,
    snippets,
)
from streamlit_ui.model_picker import chosen_model
from streamlit_ui.resources import chat_settings, request_watch
from streamlit_ui.session import shown_conversation
from streamlit_ui.settings_panel import set_now

LOG_FRESH_S = 10.0
NOBODYS = "Give everybody a key of their own: make key NAME=ana"
OWN = "The web UIs' own key: for this machine, not for others"
EXAMPLE = "What is a token?"


def programs(state: ServerState, targets: Sequence[ProgramTarget]) -> None:
    """Draws the section."""
    settings, target = chat_settings(), targets[0]
    with st.container(horizontal=True, vertical_alignment="center"):
        if len(targets) > 1:
            by_name = {each.name: each for each in targets}
            target = by_name[st.radio("Ask", list(by_name), horizontal=True, key="target")]
        may_show = _may_show_key(settings, target)
        whose = OWN if target.name == VIA_GATEWAY else "LM Studio's token"
        shown = st.toggle(
            "Fill in the key",
            key="show_key",
            disabled=not may_show,
            help=whose if may_show else NOBODYS,
        )
    model = chosen_model(state.models)
    sampling, system_prompt = set_now()
    made = snippets(
        target.settings,
        model.id if model else "MODEL",
        _messages(system_prompt or ""),
        sampling,
        show_key=shown and may_show,
        base_url=target.address,
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


def _may_show_key(settings: ChatSettings, target: ProgramTarget) -> bool:
    """Whether there is a key to show: the pages' own, while only this machine can open them.

    The gateway knows that, and shows everybody's requests only then. A key that somebody chose for
    these pages may be worth more than they are: it is never shown.
    """
    log = request_watch().newest(LOG_FRESH_S)
    if not isinstance(log, RequestLog) or log.reach != "all":
        return False
    if target.name != VIA_GATEWAY:
        return bool(settings.lmstudio_api_token.get_secret_value()) and not settings.llm_url
    chosen = settings.gateway_key.get_secret_value() or settings.llm_api_key.get_secret_value()
    return bool(settings.room_key) and not chosen
