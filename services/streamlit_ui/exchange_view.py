"""What the server really sees: the last turn's exact request, and the raw frames that came back.

Owns: how an exchange looks. What is recorded, and what is hidden of it, is `chat_client`'s.
"""

from __future__ import annotations

import streamlit as st

from chat_client import Exchange
from chat_client.reply import Reply
from streamlit_ui.session import shown_conversation
from streamlit_ui.timer import every

EVERY_S = 0.5
HEIGHT_PX = 420


def last_turn() -> None:
    """Draws the section."""
    conversation = shown_conversation()
    reply = conversation.reply if conversation else None
    if reply is None or not reply.exchange.url:
        st.info(
            "Nothing was sent from here yet: ask something in the chat, then come back.",
            icon=":material/chat:",
        )
        return
    every(EVERY_S if reply.open else None)(_growing)(reply, was_open=reply.open)


def _growing(reply: Reply, *, was_open: bool) -> None:
    if was_open and not reply.open:
        st.rerun()
    draw_exchange(reply.exchange)


def draw_exchange(exchange: Exchange) -> None:
    """The request and the frames, side by side where there is room."""
    sent, came = st.columns(2)
    with sent:
        st.markdown("**What was sent**")
        head = [f"{exchange.method} {exchange.url}"]
        head += [f"{name}: {value}" for name, value in exchange.headers.items()]
        st.code("\n".join(head), language="http", wrap_lines=True)
        st.code(exchange.request_text, language="json", wrap_lines=True, height=HEIGHT_PX)
    with came:
        status = exchange.status if exchange.status is not None else "no answer yet"
        st.markdown(f"**What came back** · status {status}")
        st.code(exchange.frames or " ", language=None, wrap_lines=True, height=HEIGHT_PX + 160)
        if exchange.truncated:
            st.caption(f"{exchange.left_out_bytes:,} bytes in the middle are left out.")
