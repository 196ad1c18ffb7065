"""How full the model's context is, what falls out of it next, and the choice when it is full.

Owns: the line above the message box and its two buttons. The counting is `chat_client`'s.
"""

from __future__ import annotations

import streamlit as st

from chat_client import ContextUse, Message, measure_context
from streamlit_ui.attachments_panel import Attached
from streamlit_ui.choice import Choice
from streamlit_ui.conversation import Conversation
from streamlit_ui.prose import for_page
from streamlit_ui.session import new_chat

WORTH_SAYING = 0.7  # A beginner is told from here on; the other modes always.


def context_meter(
    conversation: Conversation, choice: Choice, attached: Attached, *, always: bool
) -> None:
    """Draws the meter for the question that would come next."""
    dialogue = conversation.dialogue
    following = Message("user", "", attached.images, attached.files)
    messages = (*dialogue.messages_to(dialogue.leaf), following)
    window = choice.facts.context_length if choice.facts else None
    use = measure_context(messages, window, conversation.memory, choice.sampling.max_tokens)
    if use.full:
        _full(conversation, use)
    elif always or (use.share or 0.0) >= WORTH_SAYING:
        st.caption(f"Context: {use.line}", help=_parts(use))


def _parts(use: ContextUse) -> str:
    return (
        f"System prompt {use.system:,} · history {use.history:,} · files {use.files:,} · "
        f"kept free for the answer {use.answer:,}"
    )


def _full(conversation: Conversation, use: ContextUse) -> None:
    if conversation.leave_out_oldest:
        st.caption(f"Context: {use.line}; the oldest messages are left out.", help=_parts(use))
        return
    first = next((message.content for message in use.falls_out if message.content), "")
    line = f"**The context is full:** {use.line}."
    if first:
        line += f" The oldest message is “{for_page(_short(first))}”."
    st.warning(line, icon=":material/data_usage:")
    with st.container(horizontal=True):
        st.button("Leave the oldest out", key="leave_out", on_click=conversation.leave_oldest_out)
        st.button("Begin a new chat", key="begin_new", on_click=new_chat)


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= 60 else line[:59] + "…"
