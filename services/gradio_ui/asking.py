"""One question from its words to the last picture of its answer.

Owns what stands between a question and the model: settings that cannot be, a model that may not be
used or cannot see, a context that is too full. The answer itself is a `Turn`.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing
from dataclasses import replace
from typing import Any

from chat_client import ChatError, ChatSettings, Dialogue, Model, vision_problem
from chat_client import Turn as Asked
from chat_client.line import Line
from gradio_ui.chat import Chat, Exchange
from gradio_ui.controls import Choices, read_choices
from gradio_ui.keeper import Keeper
from gradio_ui.lookout import Lookout
from gradio_ui.session import Session
from gradio_ui.turn import Turn
from gradio_ui.view import Picture, View

Answering = AsyncGenerator[Picture, None]
Begin = Callable[[Dialogue, str], Asked]
ANOTHER_MODEL = "Pick another model in the settings, then ask again."


class Asking:
    """Asks for every session; one instance serves them all."""

    def __init__(
        self, settings: ChatSettings, line: Line, lookout: Lookout, keeper: Keeper, view: View
    ) -> None:
        self._settings = settings
        self._line = line
        self._lookout = lookout
        self._keeper = keeper
        self._view = view

    async def ask(
        self, session: Session, chosen: str, begin: Begin, own: Mapping[str, Any]
    ) -> Answering:
        """Begins an answer in the session's chat and draws it to its end.

        `own` are settings of this one answer; the chat keeps those of the page.
        """
        chat, choices = session.chat, read_choices(chosen)
        session.picked = choices.model or session.picked
        chat.dialogue.settings = choices.sampling.settings()
        chat.dialogue.system_prompt = choices.system
        try:
            asked = begin(chat.dialogue, choices.model)
        except ChatError as error:  # too much is attached
            session.notice = str(error)
            yield self._view.whole(session)
            return
        model = self._lookout.find(choices.model)
        asked = chat.fitting(asked, model.context_length if model else None)
        exchange = chat.begin(asked)
        if (problem := _problem(choices, model, asked)) is not None:
            exchange.answer.end(problem)
        if exchange.ended or not (choices.model or await self._choose_model(exchange)):
            question = chat.dialogue.entries[exchange.answer.parent_id or ""].text
            yield self._view.whole(session, value=question)
            return
        load = model is not None and not model.loaded
        sampling = replace(choices.sampling, **own)
        turn = Turn(self._settings, self._line, exchange, sampling, load=load)
        session.turn = turn
        self._keeper.watch(chat, turn)
        await turn.asked()
        async with aclosing(self.follow(session, chat, turn, value="")) as pictures:
            async for picture in pictures:
                yield picture

    async def follow(self, session: Session, chat: Chat, turn: Turn, **box: Any) -> Answering:
        """Draws an answer under way until it has ended or the page shows another chat."""
        async with aclosing(turn.follow()) as news:
            first, before = True, ("", "")
            async for _ in news:
                if session.chat is not chat:
                    yield self._view.whole(session)
                    return
                ended = turn.exchange.ended
                if ended:
                    chat.learn(turn.exchange)
                around = self._view.around(session)
                if first or ended:
                    yield self._view.whole(session, **(box if first else {}))
                else:
                    yield self._view.growing(session, around if around != before else None)
                first, before = False, around

    async def _choose_model(self, exchange: Exchange) -> bool:
        """The server's first model for a page that has not got its list yet."""
        outlook = await self._lookout.look()
        exchange.answer.model = outlook.choose(None) or ""
        if not exchange.answer.model:
            away = ChatError("No model server answers.", outlook.state.advice)
            exchange.answer.end(outlook.refusal or away)
        return bool(exchange.answer.model)


def _problem(choices: Choices, model: Model | None, asked: Asked) -> ChatError | None:
    """Why the model need not be asked at all."""
    if choices.problem is not None:
        return choices.problem
    if model is not None and model.refused:
        return ChatError(model.refused, ANOTHER_MODEL)
    if any(message.images for message in asked.messages) and (blind := vision_problem(model)):
        return ChatError(blind, ANOTHER_MODEL)
    return None
