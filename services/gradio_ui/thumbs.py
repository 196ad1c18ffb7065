"""The thumbs under an answer: what a click on one does.

Owns the event. Which thumb is shown is `transcript`'s, and what is kept is `Dialogue`'s.
"""

from __future__ import annotations

from typing import Any

import gradio as gr

from chat_client.room_values import Feedback
from gradio_ui.events import DIRECT
from gradio_ui.keeper import Keeper
from gradio_ui.session import Session
from gradio_ui.view import View


class Thumbs:
    """One instance serves every session."""

    def __init__(self, view: View, keeper: Keeper) -> None:
        self._view = view
        self._keeper = keeper

    async def clicked(self, session: Session, event: gr.LikeData) -> tuple[Any, Any]:
        """Gives the answer a thumb, or takes it back; then the thumbs and what is to be said."""
        index = event.index if isinstance(event.index, int) else event.index[0]
        entry = self._view.message_at(session, index)
        if entry is not None and entry.role == "assistant":
            entry.feedback = _feedback(event.liked)
            await self._keeper.keep(session.chat)
        return self._view.judged(session)


def _feedback(liked: bool | str) -> Feedback | None:
    """Gradio says True, False, or an empty string for a thumb that was taken back."""
    return ("up" if liked else "down") if isinstance(liked, bool) else None


def wire_thumbs(chatbot: gr.Chatbot, session: gr.State, notice: gr.HTML, thumbs: Thumbs) -> None:
    """No click is dropped while the one before it is being kept."""
    shown = [chatbot, notice]
    chatbot.like(thumbs.clicked, [session], shown, trigger_mode="multiple", **DIRECT)
