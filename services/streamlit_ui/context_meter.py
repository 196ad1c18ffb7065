"""How full the model's context is, what falls out of it next, and the choice when it is full.

Owns: the bar and the line above the message box, and its two buttons. `chat_client` counts.
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
        _bar(use)
        first = f" Goes first when it is full: “{for_page(use.oldest)}”." if use.oldest else ""
        st.caption(f"Context: {use.line}.{first if use.window else ''}", help=_parts(use))


def _bar(use: ContextUse) -> None:
    """The parts side by side, each as wide as its share of what the model can look at."""
    if use.window is None:
        return
    widths = (min(100.0, 100 * tokens / use.window) for _, tokens in use.parts)
    spans = "".join(f'<i style="width:{width:.1f}%"></i>' for width in widths)
    st.html(f'<div class="lectern-context" role="img" aria-label="{_parts(use)}">{spans}</div>')


def _parts(use: ContextUse) -> str:
    told = " · ".join(f"{name} {tokens:,}" for name, tokens in use.parts)
    return told[0].upper() + told[1:]


def _full(conversation: Conversation, use: ContextUse) -> None:
    if conversation.leave_out_oldest:
        st.caption(f"Context: {use.line}; the oldest messages are left out.", help=_parts(use))
        return
    line = f"**The context is full:** {use.line}."
    if use.oldest:
        line += f" The oldest message is “{for_page(use.oldest)}”."
    st.warning(line, icon=":material/data_usage:")
    with st.container(horizontal=True):
        st.button("Leave the oldest out", key="leave_out", on_click=conversation.leave_oldest_out)
        st.button("Begin a new chat", key="begin_new", on_click=new_chat)
