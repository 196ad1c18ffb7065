"""What the timer's look around changes on a page: the state page, the models, the status line.

Owns which of them are drawn again and when the next look is due.
"""

from __future__ import annotations

from typing import Any

import gradio as gr

from gradio_ui.lookout import Lookout, Outlook
from gradio_ui.model_words import model_choice, model_facts
from gradio_ui.session import Session
from gradio_ui.state_page import state_page, status_line

AWAY_LOOK_S = 2.5
READY_LOOK_S = 15.0


class OutlookView:
    """The handlers of the timer, of the model picker and of its button."""

    def __init__(self, lookout: Lookout) -> None:
        self._lookout = lookout

    async def look(self, session: Session, model: str | None) -> tuple[Any, ...]:
        """The timer's look: state page, chat, status, models, next look; skips what is the same."""
        return self._show(session, await self._lookout.look(), model)

    async def look_now(self, session: Session, model: str | None) -> tuple[Any, ...]:
        """The same on demand, without sharing an older look."""
        return self._show(session, await self._lookout.look(max_age_s=0.0), model)

    async def facts(self, model: str | None) -> dict[str, Any]:
        """The line below the picker, when another model is picked."""
        outlook = await self._lookout.look(max_age_s=READY_LOOK_S)
        return dict(gr.update(value=model_facts(outlook.find(model))))

    def _show(self, session: Session, outlook: Outlook, model: str | None) -> tuple[Any, ...]:
        empty = not session.chat.dialogue.entries
        if session.shown == (outlook, empty):
            return (gr.skip(),) * 6
        session.shown = (outlook, empty)
        chosen = outlook.choose(model)
        session.picked = chosen or ""
        choices = [(model_choice(offered), offered.id) for offered in outlook.models]
        return (
            gr.update(visible=not outlook.ready, value=state_page(outlook, compact=not empty)),
            gr.update(visible=outlook.ready or not empty),
            gr.update(value=status_line(outlook)),
            gr.update(choices=choices, value=chosen) if choices else gr.skip(),
            gr.update(value=model_facts(outlook.find(chosen))),
            gr.Timer(READY_LOOK_S if outlook.ready else AWAY_LOOK_S),
        )
