"""Which conversation this browser session shows, and changing to another one.

Owns: the address (`?chat=…`), finding what it names on the shelf or in the gateway, and asking.
"""

from __future__ import annotations

import streamlit as st

from chat_client import ChatError, Dialogue, Entry, RoomRefused, Sampling, Turn, blocking
from chat_client.reply import Reply
from streamlit_ui.attachments_panel import Attached, forget_attached
from streamlit_ui.choice import Choice
from streamlit_ui.conversation import Conversation
from streamlit_ui.resources import chat_settings, room, shelf
from streamlit_ui.settings_panel import load_settings
from streamlit_ui.timer import every

READ_S = 3.0  # Well within CHAT_ABANDONED_S.
NOT_THERE = "That chat is not kept any more. Here is a new one."
NOT_NOW = "That chat cannot be read now: the gateway keeps it. Here is a new one."


def this_conversation() -> Conversation:
    """The one that the address names, else this session's, else a new one."""
    wanted = st.query_params.get("chat")
    current: Conversation | None = st.session_state.get("conversation")
    if wanted and (current is None or not current.is_called(wanted)):
        current = _found(wanted)
        if current is None:
            del st.query_params["chat"]
    if current is None:
        current = Conversation(room=room())
    st.session_state["conversation"] = current
    name_in_address(current)
    return current


def shown_conversation() -> Conversation | None:
    """The chat of this browser session, for pages beside it."""
    conversation: Conversation | None = st.session_state.get("conversation")
    return conversation


def name_in_address(conversation: Conversation) -> None:
    """Puts the id by which the conversation is found again into the address."""
    wanted = st.query_params.get("chat")
    if conversation.dialogue.entries and wanted != conversation.id:
        st.query_params["chat"] = conversation.id


def _found(id_: str) -> Conversation | None:
    here = shelf().find(id_)
    if here is not None and (here.under_way or here.dialogue.not_kept or not here.dialogue.room_id):
        return here
    try:
        dialogue = blocking(Dialogue.open(room(), here.id if here else id_))
    except ChatError as error:
        if here is None:
            gone = isinstance(error, RoomRefused) or not chat_settings().room_key
            st.toast(NOT_THERE if gone else NOT_NOW)
        return here
    # Another page, another UI or another program may have gone on with it since.
    if here is not None and here.dialogue.entries.keys() == dialogue.entries.keys():
        here.dialogue.take_feedback(dialogue)
        return here
    conversation = Conversation(dialogue, room())
    shelf().keep(conversation)
    load_settings(dialogue.settings, dialogue.system_prompt)
    return conversation


def open_chat(id_: str) -> None:
    """Shows another chat; an answer that comes in this one goes on."""
    _forget_details()
    st.query_params["chat"] = id_


def new_chat() -> None:
    """Shows an empty chat; stops the answer of the old one."""
    conversation: Conversation | None = st.session_state.pop("conversation", None)
    if conversation is not None:
        conversation.stop()
    _forget_details()
    st.query_params.pop("chat", None)


def ask(
    conversation: Conversation, question: str, choice: Choice, attached: Attached | None = None
) -> None:
    """Sends a question; the page draws its answer afterwards."""
    sent = attached or Attached()
    sampling = _told(conversation, choice)
    try:
        turn = conversation.dialogue.ask(question, choice.model or "", sent.images, sent.files)
    except ChatError as error:
        st.toast(str(error), icon=":material/error:")
        return
    _send(conversation, turn, choice, sampling)
    if sent.images or sent.files:
        forget_attached()


def regenerate(conversation: Conversation, entry: Entry, choice: Choice) -> None:
    """Asks for another version of an answer, of the model that is chosen now."""
    sampling = _told(conversation, choice)
    _send(
        conversation,
        conversation.dialogue.regenerate(entry.id, choice.model or ""),
        choice,
        sampling,
    )


def edit(conversation: Conversation, entry: Entry, text: str, choice: Choice) -> None:
    """Asks another version of a question."""
    sampling = _told(conversation, choice)
    _send(
        conversation,
        conversation.dialogue.edit(entry.id, text, choice.model or ""),
        choice,
        sampling,
    )


def _told(conversation: Conversation, choice: Choice) -> Sampling:
    """The settings to ask with; the conversation remembers them."""
    conversation.stop()
    dialogue = conversation.dialogue
    sampling = choice.sampling
    if choice.system_prompt is not None:
        dialogue.system_prompt = choice.system_prompt
    elif dialogue.settings:
        sampling = dialogue.sampling
    dialogue.settings = sampling.settings() | {"model": choice.model or ""}
    return sampling


def _send(conversation: Conversation, turn: Turn, choice: Choice, sampling: Sampling) -> None:
    window = choice.facts.context_length if choice.facts else None
    turn = conversation.fitting(turn, window, sampling.max_tokens)
    load = choice.facts is not None and not choice.facts.loaded
    read_elsewhere([conversation.begin(chat_settings(), turn, sampling, load=load)])
    shelf().keep(conversation)
    name_in_address(conversation)


def read_on() -> None:
    """Takes in what came for answers that this session does not show just now.

    An answer that nobody reads is given up: one in another chat, or in another version, is not.
    """
    for reply in _replies_under_way():
        reply.take(0)


@every(READ_S)
def keep_reading() -> None:
    """Draws nothing; lets the answers of the chat go on while another page is shown."""
    read_on()


def read_elsewhere(replies: list[Reply]) -> None:
    """Lets these go on, too, while another page is shown."""
    st.session_state["replies"] = [*_replies_under_way(), *replies]


def _replies_under_way() -> list[Reply]:
    return [reply for reply in st.session_state.get("replies", []) if reply.open]


def _forget_details() -> None:
    for name in ("editing", "renaming"):
        st.session_state.pop(name, None)
