"""What happens when somebody asks, stops, retries, starts anew, or the timer looks around.

Owns the order of those steps for one browser session. Layout is `page`'s, words are
`transcript`'s and `state_page`'s; the answer itself is a `Turn`.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any
from weakref import WeakSet

import gradio as gr

from chat_client import ChatError, ChatSettings
from gradio_ui.chat import Chat, Exchange
from gradio_ui.controls import model_facts, sampling
from gradio_ui.line import Line
from gradio_ui.lookout import Lookout, Outlook
from gradio_ui.state_page import state_page, status_line
from gradio_ui.transcript import Bubble, transcript
from gradio_ui.turn import Turn

AWAY_LOOK_S = 2.5
READY_LOOK_S = 15.0

Update = dict[str, Any]
Picture = tuple[list[Bubble], Update]  # the conversation and the question box
Answering = AsyncGenerator[Picture, None]


@dataclass
class Session:
    """One browser tab: its conversation, the answer under way, and what it was last shown."""

    chat: Chat = field(default_factory=Chat)
    turn: Turn | None = None
    shown: tuple[Outlook, bool] | None = None

    @property
    def busy(self) -> bool:
        return self.turn is not None and not self.turn.exchange.ended


class Handlers:
    """The page's event handlers; one instance serves every session."""

    def __init__(self, settings: ChatSettings, slots: int) -> None:
        self._settings = settings
        self._lookout = Lookout(settings)
        self._turns: WeakSet[Turn] = WeakSet()
        self.line = Line(slots)

    async def close(self) -> None:
        """Stops every answer under way, so that the service can end and the model is free."""
        await asyncio.gather(*(turn.stop() for turn in self._turns))

    async def send(self, session: Session, question: str, *values: Any) -> Answering:
        """The question in the input box."""
        async with aclosing(self._ask(session, question, *values)) as pictures:
            async for picture in pictures:
                yield picture

    async def example(self, session: Session, picked: gr.SelectData, *values: Any) -> Answering:
        """A suggested question."""
        async with aclosing(self._ask(session, picked.value["text"], *values)) as pictures:
            async for picture in pictures:
                yield picture

    async def again(self, session: Session, *values: Any) -> Answering:
        """The last question once more, with the settings as they are now."""
        if session.busy or not session.chat.exchanges:
            return
        question = session.chat.exchanges.pop().question
        async with aclosing(self._ask(session, question, *values)) as pictures:
            async for picture in pictures:
                yield picture

    async def stop(self, session: Session) -> None:
        """Ends the answer under way; the handler that draws it notices and draws the last time."""
        if session.turn is not None:
            await session.turn.stop()

    async def new_chat(self, session: Session) -> Picture:
        """Stops what is under way and forgets the conversation."""
        session.chat = Chat()  # first: what the stopped answer draws last must be empty, too
        await self.stop(session)
        return [], _ready_box(value="")

    async def look(self, session: Session, model: str | None) -> tuple[Any, ...]:
        """The timer's look: state page, chat, status, models, next look; skips what is the same."""
        return self._show(session, await self._lookout.look(), model)

    async def look_now(self, session: Session, model: str | None) -> tuple[Any, ...]:
        """The same on demand, without sharing an older look."""
        return self._show(session, await self._lookout.look(max_age_s=0.0), model)

    async def facts(self, model: str | None) -> Update:
        """The line below the picker, when another model is picked."""
        outlook = await self._lookout.look(max_age_s=READY_LOOK_S)
        return gr.update(value=model_facts(outlook.find(model)))

    async def _ask(self, session: Session, question: str, *values: Any) -> Answering:
        question = (question or "").strip()
        if session.busy or not question:
            yield gr.skip(), gr.skip()
            return
        model, temperature, top_p, max_tokens, system = values
        exchange = Exchange(question, model or "")
        session.chat.exchanges.append(exchange)
        if not model and not await self._choose_model(exchange):
            yield transcript(session.chat), _ready_box(value=question)
            return
        turn = Turn(
            self._settings,
            self.line,
            exchange,
            session.chat.messages(system or ""),
            sampling(temperature, top_p, max_tokens),
        )
        session.turn = turn
        self._turns.add(turn)
        async with aclosing(turn.follow()) as news:
            box = gr.update(value="", submit_btn=False, stop_btn="Stop")
            async for _ in news:
                yield transcript(session.chat), _ready_box() if exchange.ended else box
                box = gr.skip()

    async def _choose_model(self, exchange: Exchange) -> bool:
        """The server's first model for a page that has not got its list yet."""
        outlook = await self._lookout.look()
        exchange.model = outlook.choose(None) or ""
        if not exchange.model:
            away = ChatError("No model server answers.", outlook.state.advice)
            exchange.end("failed", outlook.refusal or away)
        return bool(exchange.model)

    def _show(self, session: Session, outlook: Outlook, model: str | None) -> tuple[Any, ...]:
        empty = not session.chat.exchanges
        if session.shown == (outlook, empty):
            return (gr.skip(),) * 6
        session.shown = (outlook, empty)
        chosen = outlook.choose(model)
        choices = [(offered.label, offered.id) for offered in outlook.models]
        return (
            gr.update(visible=not outlook.ready, value=state_page(outlook, compact=not empty)),
            gr.update(visible=outlook.ready or not empty),
            gr.update(value=status_line(outlook)),
            gr.update(choices=choices, value=chosen) if choices else gr.skip(),
            gr.update(value=model_facts(outlook.find(chosen))),
            gr.Timer(READY_LOOK_S if outlook.ready else AWAY_LOOK_S),
        )


def _ready_box(**changes: Any) -> Update:
    return dict(gr.update(submit_btn="Send", stop_btn=False, **changes))
