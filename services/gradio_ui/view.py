"""All that a page shows of its chat, put together from a session.

Owns which widget gets what after a step: the conversation, the question box, the address, the
notice, the tray. How each looks is for the modules that it asks.
"""

from __future__ import annotations

from typing import Any

import gradio as gr

from chat_client import ContextUse, Entry, Message, measure_context
from gradio_ui.bubble import Bubble
from gradio_ui.lookout import Lookout
from gradio_ui.notice import notice
from gradio_ui.pictures import Pictures
from gradio_ui.session import Session
from gradio_ui.transcript import drawn, thumbs, transcript
from gradio_ui.tray import tray

Update = dict[str, Any]
Around = tuple[str, str]
Picture = tuple[Any, Any, Any, Update, Any]  # chat, question box, address, notice, tray


class View:
    """Draws any session; one instance serves them all."""

    def __init__(self, lookout: Lookout, pictures: Pictures) -> None:
        self._lookout = lookout
        self._pictures = pictures

    def whole(self, session: Session, **box: Any) -> Picture:
        """Everything; `box`: further changes of the question box."""
        if session.busy:
            question = gr.update(submit_btn=False, stop_btn="Stop", **box)
        else:
            question = gr.update(submit_btn="Send", stop_btn=False, **box)
        address, words = self.around(session)
        return (
            self._conversation(session),
            dict(question),
            address,
            notice(words),
            self.tray(session),
        )

    def growing(self, session: Session, around: Around | None) -> Picture:
        """The same while an answer grows: what cannot change meanwhile is skipped.

        So is what lies `around` it unless it is new: a part that may be hidden takes the browser
        two more turns.
        """
        bubbles = transcript(session.chat, self._pictures)
        if around is None:
            return bubbles, gr.skip(), gr.skip(), gr.skip(), gr.skip()
        address, words = around
        return bubbles, gr.skip(), address, notice(words), gr.skip()

    def same(self) -> Picture:
        """Nothing new. A handler that draws at times must say so: Gradio empties each part that a
        handler without a single picture would have drawn."""
        return gr.skip(), gr.skip(), gr.skip(), gr.skip(), gr.skip()

    def judged(self, session: Session) -> tuple[Update, Update]:
        """The thumbs alone, and what is to be said."""
        session.thumbs = thumbs(session.chat, drawn(session.chat, self._pictures))
        shown = dict(gr.update(feedback_value=session.thumbs))
        return shown, notice(self.around(session)[1])

    def _conversation(self, session: Session) -> list[Bubble] | Update:
        """The bubbles; with their thumbs if those have changed, as that takes Gradio longer."""
        rows = drawn(session.chat, self._pictures)
        bubbles, now = [bubble for _, bubble in rows], thumbs(session.chat, rows)
        if now == session.thumbs:
            return bubbles
        session.thumbs = now
        return dict(gr.update(value=bubbles, feedback_value=now))

    def around(self, session: Session) -> Around:
        """The chat's address, and what is to be said about it."""
        return session.address, session.notice or session.chat.dialogue.not_kept

    def message_at(self, session: Session, index: int) -> Entry | None:
        """The message that a bubble of the page belongs to."""
        rows = drawn(session.chat, self._pictures)
        return session.chat.dialogue.entries[rows[index][0]] if index < len(rows) else None

    def unseen(self, session: Session) -> str:
        """Why the attached pictures cannot go to the picked model; empty when they can."""
        return session.attached.unseen(self._lookout.find(session.picked))

    def tray(self, session: Session) -> Update:
        """What is attached and how full the context is for the question that would come next."""
        use, unseen = self.context(session), self.unseen(session)
        drawn_tray = tray(session.attached, unseen, use, session.chat.leave_out_oldest)
        return dict(gr.update(value=drawn_tray))

    def context(self, session: Session) -> ContextUse:
        dialogue, attached = session.chat.dialogue, session.attached
        following = Message("user", "", attached.images, attached.files)
        model = self._lookout.find(session.picked)
        return measure_context(
            (*dialogue.messages_to(dialogue.leaf), following),
            model.context_length if model else None,
            session.chat.memory,
            dialogue.sampling.max_tokens,
        )
