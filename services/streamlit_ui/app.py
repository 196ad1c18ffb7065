"""The page itself, from top to bottom; Streamlit runs this script at every click.

Owns: the order of things on the page and which of its parts show. Everything drawn stands in the
modules around it.
"""

from __future__ import annotations

import streamlit as st

from chat_client import Answer, ChatSettings, ServerState
from streamlit_ui import look
from streamlit_ui.answer_view import draw, follow
from streamlit_ui.conversation import Conversation, Reply, Shelf, Turn
from streamlit_ui.opening import RETRY_S, banner, state_page, welcome
from streamlit_ui.prose import for_page
from streamlit_ui.server_watch import ServerWatch
from streamlit_ui.sidebar import Choice, sidebar, status

FRESH_S = 30.0  # The side panel's timer looks far more often; a click must not wait for a probe.
LOOK_S = 5.0
BEAT_S = 0.5  # How soon the page tidies up after Stop.


@st.cache_resource
def chat_settings() -> ChatSettings:
    return ChatSettings()


@st.cache_resource
def server_watch() -> ServerWatch:
    return ServerWatch(chat_settings())


@st.cache_resource
def shelf() -> Shelf:
    return Shelf()


def this_conversation() -> Conversation:
    """The one that the address names, else this session's, else a new one."""
    wanted = st.query_params.get("chat")
    current: Conversation | None = st.session_state.get("conversation")
    if wanted and (current is None or current.id != wanted):
        current = shelf().find(wanted)
        if current is None:
            del st.query_params["chat"]
            st.toast("That chat is not kept any more. Here is a new one.")
    if current is None:
        current = Conversation()
    st.session_state["conversation"] = current
    return current


def new_chat() -> None:
    conversation: Conversation | None = st.session_state.pop("conversation", None)
    if conversation is not None and conversation.under_way is not None:
        conversation.under_way.stop()
    st.query_params.pop("chat", None)


def ask(conversation: Conversation, question: str, choice: Choice) -> None:
    """Sends the question; the page draws its reply afterwards."""
    if conversation.under_way is not None:
        conversation.under_way.stop()
    model = choice.model or ""
    messages = conversation.messages(question, choice.system_prompt)
    answer = Answer.start(chat_settings(), model, messages, choice.sampling)
    conversation.turns.append(Turn(question, Reply(model, answer)))
    shelf().keep(conversation)
    st.query_params["chat"] = conversation.id


def panel(state: ServerState) -> Choice:
    """The side panel."""
    with st.sidebar:
        st.markdown("### Lectern")
        st.caption(status(state))
        st.button(
            "New chat", icon=":material/add:", key="new_chat", width="stretch", on_click=new_chat
        )
        return sidebar(state)


# Streamlit leaves a fragment's place behind for the next run of the same thread, so the two below
# are called outside every container: inside one, the whole page would sometimes be drawn there.


def keep_watch(shown: ServerState, reply: Reply | None) -> None:
    """Draws nothing; redraws the page when what it shows is no longer so."""

    def look_again() -> None:
        state = server_watch().state(LOOK_S - 1)
        # Streamlit draws nothing more in a run that Stop has ended: this timer's run does.
        if state != shown or (reply is not None and not reply.open):
            st.rerun()

    st.fragment(look_again, run_every=LOOK_S if reply is None else BEAT_S)()


@st.fragment(run_every=RETRY_S)
def wait_for_server(*, talking: bool) -> None:
    """Why no answer can come; goes away by itself."""
    state = server_watch().state(RETRY_S - 1)
    if state.ready:
        st.rerun()
    (banner if talking else state_page)(state)


def talk(conversation: Conversation) -> None:
    """The turns so far; returns when nothing is under way any more."""
    for number, turn in enumerate(conversation.turns):
        with st.container(key=f"asked-{number}"), st.chat_message("user", avatar=look.PERSON):
            st.markdown(for_page(turn.question).replace("\n", "  \n"))
        with st.chat_message("assistant", avatar=look.MODEL):
            if turn.reply.open:
                follow(turn.reply)
                if turn.reply.error is not None:
                    server_watch().forget()
                st.rerun()
            draw(turn.reply)


def main() -> None:
    """One run."""
    st.set_page_config("Lectern", str(look.ICON), initial_sidebar_state="auto")
    look.dress()
    conversation = this_conversation()
    state = server_watch().state(FRESH_S)
    above_box = st.bottom.empty()
    typed = st.chat_input(
        "Ask the model", key="question", submit_mode="stop", disabled=not state.ready
    )
    choice = panel(state)
    question = typed or st.session_state.pop("suggested", None)
    if question and choice.model:
        ask(conversation, question, choice)
    reply = conversation.under_way
    if reply is not None and not typed:
        # The message box turns into Stop only for what was typed there.
        with above_box.container(horizontal_alignment="center"):
            st.button("Stop", icon=":material/stop_circle:", key="stop", on_click=reply.stop)
    keep_watch(state, reply)
    opening = st.empty()
    if conversation.turns:
        opening.empty()  # At once: Streamlit would leave it standing until the answer's end.
        talk(conversation)
    elif state.ready:
        with opening.container():
            welcome(state, choice.model)
    if not state.ready:
        wait_for_server(talking=bool(conversation.turns))


main()
