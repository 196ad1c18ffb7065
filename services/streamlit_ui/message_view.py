"""One message of a chat with what can be done to it: edit, ask again, look at other versions.

Owns: the small buttons below a message. What they do to the dialogue is `session`'s; how an
answer is drawn is `answer_view`'s.
"""

from __future__ import annotations

import streamlit as st

from chat_client import Entry, Shown
from chat_client.room_values import Feedback
from streamlit_ui import keyboard, look, session
from streamlit_ui.answer_view import draw, follow
from streamlit_ui.choice import Choice
from streamlit_ui.conversation import Conversation
from streamlit_ui.copy_button import copy_button
from streamlit_ui.prose import for_page

THUMBS: dict[int | None, Feedback | None] = {0: "down", 1: "up", None: None}


def question(conversation: Conversation, shown: Shown, choice: Choice) -> None:
    """What the person asked."""
    entry = shown.message
    with st.container(key=f"asked-{entry.id}"), st.chat_message("user", avatar=look.PERSON):
        if st.session_state.get("editing") == entry.id:
            _editor(conversation, shown, choice)
            return
        st.markdown(for_page(entry.text).replace("\n", "  \n"))
        for image in entry.images:
            st.image(image.data_url, caption=image.name, width=240)
        if entry.files:
            st.caption(for_page("Attached: " + ", ".join(file.name for file in entry.files)))
        with _row(entry.id):
            _versions(conversation, shown)
            st.button(
                ":material/edit:",
                key=f"edit-{entry.id}",
                help="Edit this question and ask again",
                type="tertiary",
                disabled=choice.model is None,
                on_click=lambda: st.session_state.update(editing=entry.id),
            )


def answer(conversation: Conversation, shown: Shown, choice: Choice) -> bool:
    """What the model said, followed to its end while it comes; True when it has just ended."""
    entry = shown.message
    with st.chat_message("assistant", avatar=look.MODEL):
        reply = conversation.under_way
        if reply is not None and reply.entry is entry:
            follow(reply, lambda: session.name_in_address(conversation))
            return True
        draw(entry)
        with _row(entry.id):
            _versions(conversation, shown)
            if entry.text:
                copy_button(entry.text, f"copy-{entry.id}")
            if entry.text or entry.tool_calls:
                _thumbs(conversation, entry)
            _again(conversation, entry, choice)
    return False


def _thumbs(conversation: Conversation, entry: Entry) -> None:
    """What the person thinks of an answer; a second click takes it back."""
    key = f"thumb-{entry.id}"

    def judge() -> None:
        entry.feedback = THUMBS[st.session_state[key]]
        conversation.keep_soon()

    shown = next(number for number, thumb in THUMBS.items() if thumb == entry.feedback)
    if st.session_state.get(key) != shown:
        st.session_state[key] = shown
    st.feedback("thumbs", key=key, on_change=judge)


def _again(conversation: Conversation, entry: Entry, choice: Choice) -> None:
    """Another answer to the same question: of the model chosen now, or of another one."""
    last = entry.id == conversation.dialogue.leaf
    st.button(
        ":material/refresh:",
        key=f"again-{entry.id}",
        help="Answer again, with the model and the settings chosen now",
        type="tertiary",
        disabled=choice.model is None,
        shortcut=keyboard.AGAIN if last else None,
        on_click=session.regenerate,
        args=(conversation, entry, choice),
    )
    if not choice.others:
        return
    key = f"other-{entry.id}"

    def ask_other() -> None:
        session.regenerate(conversation, entry, choice.of(st.session_state[key]))

    st.menu_button(
        ":material/swap_horiz:",
        choice.others,
        format_func=lambda model: for_page(model.id),
        key=key,
        help="Answer again, with another model",
        type="tertiary",
        on_click=ask_other,
    )


def _row(id_: str) -> st.delta_generator.DeltaGenerator:
    return st.container(
        horizontal=True, key=f"actions-{id_}", gap="xxsmall", vertical_alignment="center"
    )


def _versions(conversation: Conversation, shown: Shown) -> None:
    """Which version this is, for example 2/3, and the way to its neighbours."""
    if shown.of == 1:
        return
    id_ = shown.message.id
    _neighbour(conversation, shown.older_id, ":material/chevron_left:", f"older-{id_}", "Older")
    st.caption(f"{shown.place}/{shown.of}", width="content")
    _neighbour(conversation, shown.newer_id, ":material/chevron_right:", f"newer-{id_}", "Newer")


def _neighbour(conversation: Conversation, id_: str | None, icon: str, key: str, word: str) -> None:
    def choose() -> None:
        conversation.dialogue.choose(id_ or "")
        conversation.keep_soon()

    st.button(
        icon,
        key=key,
        help=f"{word} version",
        type="tertiary",
        disabled=id_ is None,
        on_click=choose,
    )


def _editor(conversation: Conversation, shown: Shown, choice: Choice) -> None:
    entry = shown.message
    key = f"text-{entry.id}"

    def send() -> None:
        text = st.session_state[key].strip()
        st.session_state.pop("editing", None)
        if text:
            session.edit(conversation, entry, text, choice)

    st.text_area("Your question", entry.text, key=key)
    with st.container(horizontal=True):
        st.button("Send", key=f"send-{entry.id}", type="primary", on_click=send)
        st.button(
            "Cancel",
            key=f"cancel-{entry.id}",
            on_click=lambda: st.session_state.pop("editing", None),
        )
