"""The chat from top to bottom: the order of things on the page and which of its parts show.

Owns: one run of the chat page. Everything drawn stands in the modules around it.
"""

from __future__ import annotations

import streamlit as st

from chat_client import ServerState
from chat_client.reply import Reply
from streamlit_ui import message_view
from streamlit_ui.attachments_panel import Attached, attached_now, attachments_panel
from streamlit_ui.browser_part import browser_part
from streamlit_ui.choice import Choice
from streamlit_ui.context_meter import context_meter
from streamlit_ui.conversation import Conversation
from streamlit_ui.history_panel import history_panel
from streamlit_ui.keyboard import STOP
from streamlit_ui.opening import RETRY_S, banner, state_page, welcome
from streamlit_ui.presets_panel import presets_panel
from streamlit_ui.resources import history, server_watch
from streamlit_ui.session import ask, read_on, this_conversation
from streamlit_ui.sidebar import choice_now, sidebar
from streamlit_ui.timer import every

FRESH_S = 30.0  # The side panel's timer looks far more often; a click must not wait for a probe.
LOOK_S = 5.0
BEAT_S = 0.5  # How soon the page tidies up after Stop.
LIST_S = 5.0  # How old the list of chats may be: another UI may have added one.


def chat_page() -> None:
    """One run."""
    conversation = this_conversation()
    state = server_watch().state(FRESH_S)
    with st.sidebar:
        panel = sidebar(state)
    choice = panel.choice
    above_box = st.bottom.container()
    attached = Attached()
    if state.ready:
        with st.bottom:
            attached = attachments_panel(choice.facts)
    st.chat_input(
        "Ask the model",
        key="question",
        submit_mode="stop",
        disabled=not state.ready or bool(attached.problem),
        on_submit=lambda: send(st.session_state["question"]),
    )
    reply = conversation.under_way
    with panel.chats:
        # An answer is on its way by now: what is known of the list is good enough.
        history_panel(conversation, LIST_S if reply is None else float("inf"))
    if panel.mode != "user":
        with panel.presets:
            presets_panel(choice)
    with above_box:
        say_above_box(conversation, reply)
        if reply is None and state.ready:
            context_meter(conversation, choice, attached, always=panel.mode != "user")
    browser_part(picker_open=bool(st.session_state.get("picker")))
    keep_watch(conversation, state, reply)
    opening = st.empty()
    if conversation.dialogue.entries:
        opening.empty()  # At once: Streamlit would leave it standing until the answer's end.
        talk(conversation, choice)
    elif state.ready:
        with opening.container():
            welcome(state, choice.model, send)
    if not state.ready:
        wait_for_server(talking=bool(conversation.dialogue.entries))


def send(question: str | None) -> None:
    """Asks; as a callback it comes before the page is drawn, which takes longer than a token may.

    What is chosen is read anew: a setting may have come along with the question.
    """
    choice = choice_now(server_watch().state(FRESH_S))
    attached = attached_now(choice.facts)
    if question and choice.model and not attached.problem:
        ask(this_conversation(), question, choice, attached)


def say_above_box(conversation: Conversation, reply: Reply | None) -> None:
    """Stop, which a suggestion and a reload need beside the message box's, and what is not kept."""
    if reply is not None:
        with st.container(horizontal_alignment="center"):
            st.button(
                "Stop",
                icon=":material/stop_circle:",
                key="stop_answer",  # `stop` is the setting of that name.
                shortcut=STOP,
                on_click=reply.stop,
            )
    if conversation.dialogue.not_kept:
        st.caption(
            ":orange[●] This chat is not kept.",
            help=conversation.dialogue.not_kept,
            text_alignment="center",
        )


def keep_watch(conversation: Conversation, shown: ServerState, reply: Reply | None) -> None:
    """Draws nothing; redraws the page when what it shows is no longer so."""
    kept = (conversation.id, conversation.dialogue.title, conversation.dialogue.not_kept)

    def look_again() -> None:
        read_on()
        state = server_watch().state(LOOK_S - 1)
        dialogue = conversation.dialogue
        # Not in mid-answer: the message box would take its Stop away in a run without a question.
        if reply is None and (conversation.id, dialogue.title, dialogue.not_kept) != kept:
            history().forget()
            st.rerun()
        if reply is None and dialogue.not_kept:
            conversation.keep_soon()
        # Streamlit draws nothing more in a run that Stop has ended: this timer's run does.
        if state != shown or (reply is not None and not reply.open):
            st.rerun()

    every(LOOK_S if reply is None else BEAT_S)(look_again)()


@every(RETRY_S)
def wait_for_server(*, talking: bool) -> None:
    """Why no answer can come; goes away by itself."""
    state = server_watch().state(RETRY_S - 1)
    if state.ready:
        st.rerun()
    (banner if talking else state_page)(state)


def talk(conversation: Conversation, choice: Choice) -> None:
    """The turns so far; returns when nothing is under way any more."""
    for shown in conversation.dialogue.shown:
        if shown.message.role == "user":
            message_view.question(conversation, shown, choice)
        elif shown.message.role == "assistant" and message_view.answer(conversation, shown, choice):
            if shown.message.error is not None:
                server_watch().forget()
            history().forget()
            st.rerun()
