"""What agents may ask of the model: one question, the list of models; nothing else.

Owns the bounds and the words of both. A call waits in the same `Line` as the people at the page,
and when its caller leaves, the model server's connection is closed. Nothing of it is kept. How the
calls come in is `agents`' (MCP).
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing

from pydantic import BaseModel

from chat_client import ChatError, ChatSettings, Dialogue, Model, Sampling, sampling_problem
from chat_client.line import Line
from gradio_ui.chat import Exchange
from gradio_ui.lookout import Lookout
from gradio_ui.turn import Turn

MOST_QUESTION_CHARS = 50_000
MOST_SYSTEM_CHARS = 20_000
MOST_TOKENS = 4_096
TOKENS = 512
TEMPERATURE = 0.7
MOST_CALLS = 8  # asked at once or in line; people at the page have their places apart
LONGEST_S = 600.0  # in line and in answer together

ASK = (
    "Ask the language model that runs on this machine one question and get its whole answer. "
    "Each call stands alone: the model remembers no earlier one, so put all that it needs into the "
    "question. A call may wait in line, and a slow model may take minutes."
)
MODELS = (
    "List the language models that can be asked here: their ids for `ask`, whether they are in "
    "memory, and how long a context they take."
)
PARAMETERS = {
    "question": f"What to ask, as plain text of at most {MOST_QUESTION_CHARS:,} characters.",
    "model": "An id that `models` lists; empty: the first one that is loaded.",
    "system_prompt": "Said to the model before the question: a role, a tone, a rule.",
    "temperature": "How daring the pick of each token is, from 0 (the likeliest) to 2.",
    "max_tokens": "The answer ends after this many tokens, finished or not "
    f"(1 to {MOST_TOKENS:,}); finish_reason is then `length`.",
}


class Reply(BaseModel):
    """An answer, or as much of it as there is."""

    answer: str
    model: str
    finish_reason: str | None = None
    prompt_tokens: int | None = None
    completion_tokens: int | None = None

    @classmethod
    def of(cls, exchange: Exchange) -> Reply:
        entry, stats = exchange.answer, exchange.answer.stats
        if stats is None:
            return cls(answer=entry.text, model=entry.answered_by)
        return cls(
            answer=entry.text,
            model=entry.answered_by,
            finish_reason=stats.finish_reason,
            prompt_tokens=stats.prompt_tokens,
            completion_tokens=stats.completion_tokens,
        )


class Offer(BaseModel):
    """A model that can be asked."""

    id: str
    name: str
    loaded: bool
    quantization: str | None = None
    parameters: str | None = None
    context_length: int | None = None

    @classmethod
    def of(cls, model: Model) -> Offer:
        return cls(
            id=model.id,
            name=model.name,
            loaded=model.loaded,
            quantization=model.quantization,
            parameters=model.parameters,
            context_length=model.context_length or model.max_context_length,
        )


class Tools:
    """The two calls; one instance serves every caller."""

    def __init__(self, settings: ChatSettings, lookout: Lookout, line: Line) -> None:
        self._settings = settings
        self._lookout = lookout
        self._line = line
        self._calls = 0
        self._turns: set[Turn] = set()

    async def close(self) -> None:
        """Stops every call under way, so that the service can end and the model is free."""
        await asyncio.gather(*(turn.stop() for turn in list(self._turns)))

    async def models(self) -> list[Offer]:
        """What can be asked now; raises ChatError while no model server answers."""
        return [Offer.of(model) for model in await self._offered()]

    async def ask(
        self,
        question: str,
        model: str = "",
        system_prompt: str = "",
        temperature: float = TEMPERATURE,
        max_tokens: int = TOKENS,
    ) -> AsyncGenerator[Exchange, None]:
        """Yields the exchange whenever it has grown, the last time when it is whole.

        Raises ChatError. Closing the generator stops the model.
        """
        if self._calls >= MOST_CALLS:
            raise ChatError("Too many calls are under way here.", "Call again in a minute.")
        self._calls += 1
        try:
            sampling = _checked(question, system_prompt, temperature, max_tokens)
            dialogue = Dialogue(system_prompt=system_prompt.strip())
            exchange = Exchange(dialogue.ask(question, await self._choose(model)))
            async with aclosing(self._answer(exchange, sampling)) as news:
                async for _ in news:
                    yield exchange
        finally:
            self._calls -= 1

    async def _answer(self, exchange: Exchange, sampling: Sampling) -> AsyncGenerator[None, None]:
        turn = Turn(self._settings, self._line, exchange, sampling)
        self._turns.add(turn)
        until = time.monotonic() + LONGEST_S
        try:
            async with aclosing(turn.follow()) as news:
                async for _ in news:
                    if exchange.answer.state in ("failed", "stopped"):
                        break
                    if time.monotonic() > until:
                        raise ChatError(
                            f"The answer was not there after {LONGEST_S:g} seconds.",
                            "Ask for fewer tokens, or call again when fewer people wait.",
                        )
                    yield
        finally:
            self._turns.discard(turn)
        if exchange.answer.state == "failed" and exchange.answer.error is not None:
            raise exchange.answer.error
        if exchange.answer.state == "stopped":
            raise ChatError("The answer was stopped.", "Ask again.")

    async def _choose(self, wanted: str) -> str:
        """The model to ask: LM Studio would answer for a wrong name with any model it has."""
        offered = await self._offered()
        found = next((each for each in offered if each.id == wanted or not wanted), None)
        if found is None:
            ids = ", ".join(each.id for each in offered[:20])
            raise ChatError(f"There is no model {wanted[:100]!r} here.", f"There is: {ids}.")
        if found.refused:
            raise ChatError(found.refused, "Ask another model.")
        return found.id

    async def _offered(self) -> tuple[Model, ...]:
        outlook = await self._lookout.look()
        if outlook.refusal is not None:
            raise outlook.refusal
        if not outlook.models:
            raise ChatError("No model can be asked now.", outlook.state.advice)
        return outlook.models


def _checked(question: str, system_prompt: str, temperature: float, max_tokens: int) -> Sampling:
    """The sampling for what a caller sent; whoever calls, nothing is taken on trust."""
    for name, text, most in (
        ("question", question, MOST_QUESTION_CHARS),
        ("system_prompt", system_prompt, MOST_SYSTEM_CHARS),
    ):
        if not isinstance(text, str) or len(text) > most:
            raise ChatError(f"`{name}` must be text of at most {most:,} characters.", "Shorten it.")
    if not question.strip():
        raise ChatError("`question` is empty.", "Say what to ask.")
    problem = sampling_problem("temperature", temperature)
    if problem or not _whole_number(max_tokens, MOST_TOKENS):
        problem = problem or f"`max_tokens` must be a whole number from 1 to {MOST_TOKENS:,}."
        raise ChatError(problem, "Change it, then call again.")
    return Sampling(temperature=temperature, max_tokens=max_tokens)


def _whole_number(value: object, most: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= most
