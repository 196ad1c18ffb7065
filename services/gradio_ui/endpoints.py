"""The named endpoints `/ask` and `/models`, for programs that speak Gradio's own API.

Owns their form for Gradio, and that a caller who leaves or never reads is noticed; what they do is
`tools`'. They are there only when the operator offers the model to programs (`GRADIO_MCP`), beside
`agents`.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

import gradio as gr
from gradio.events import api

from chat_client import ChatError
from gradio_ui.chat import Exchange
from gradio_ui.listeners import Listeners
from gradio_ui.tools import ASK, MODELS, MOST_CALLS, TEMPERATURE, TOKENS, Reply, Tools

# Gradio ends a call whose caller has left when the call next yields: so it does, news or not.
YIELD_EVERY_S = 0.25
UNHEARD_S = 10.0  # so long a call goes on that nobody reads
Paced = AsyncGenerator[Exchange | None, None]
UNHEARD = (
    f"The answer was given up: nobody read it for {UNHEARD_S:g} seconds.",
    "Open the stream of answers right after the call.",
)


def offer_endpoints(tools: Tools, listeners: Listeners) -> None:
    """Adds both to the `gr.Blocks` that is being made."""

    async def ask(
        question: str,
        model: str = "",
        system_prompt: str = "",
        temperature: float = TEMPERATURE,
        max_tokens: int = TOKENS,
    ) -> AsyncGenerator[dict[str, Any], None]:
        try:
            calls = tools.ask(question, model, system_prompt, temperature, max_tokens)
            async with aclosing(_while_heard(_paced(calls), listeners)) as news:
                async for exchange in news:
                    yield {} if exchange is None else Reply.of(exchange).model_dump()
        except ChatError as error:
            raise gr.Error(str(error), print_exception=False) from None

    async def models() -> list[dict[str, Any]]:
        try:
            return [offer.model_dump() for offer in await tools.models()]
        except ChatError as error:
            raise gr.Error(str(error), print_exception=False) from None

    api(ask, api_name="ask", api_description=ASK, concurrency_limit=MOST_CALLS)
    api(models, api_name="models", api_description=MODELS, concurrency_limit=MOST_CALLS)


async def _while_heard(paced: Paced, listeners: Listeners) -> Paced:
    """The same, until nobody has read it for too long; closing it closes `paced`."""
    names, heard_at = listeners.names_of_this_call(), time.monotonic()
    async with aclosing(paced) as news:
        async for exchange in news:
            if listeners.any_of(names):
                heard_at = time.monotonic()
            elif time.monotonic() > heard_at + UNHEARD_S:
                raise ChatError(*UNHEARD)
            yield exchange


async def _paced(calls: AsyncGenerator[Exchange, None]) -> Paced:
    """The exchange at most each `YIELD_EVERY_S`, also when it has not grown; last when whole.

    None before there is one. Closing it closes `calls`.
    """
    latest: Exchange | None = None

    async def follow() -> None:
        nonlocal latest
        async with aclosing(calls) as news:
            async for exchange in news:
                latest = exchange

    work = asyncio.create_task(follow())
    try:
        while not (await asyncio.wait({work}, timeout=YIELD_EVERY_S))[0]:
            yield latest
        await work
        yield latest
    finally:
        work.cancel()
        await asyncio.gather(work, return_exceptions=True)
