"""The MCP server at `/mcp`: an agent that speaks the Model Context Protocol finds the two tools.

Owns the tools' form for agents and how a call is told of its progress; what they do is `tools`'.

Gradio brings an MCP server of its own (`mcp_server=True`). It is not used: it answers a call by
calling its own page over HTTP, at the address that the caller named, and goes on when the caller
has left; and its package demands older versions than the rest of Lectern has.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from typing import Annotated, Any

from mcp.server.mcpserver import Context, MCPServer
from mcp.server.mcpserver.exceptions import ToolError
from mcp.types import ToolAnnotations
from pydantic import Field
from starlette.applications import Starlette
from starlette.requests import Request

from chat_client import ChatError
from gradio_ui.chat import Exchange
from gradio_ui.tools import (
    ASK,
    MODELS,
    MOST_QUESTION_CHARS,
    MOST_SYSTEM_CHARS,
    MOST_TOKENS,
    PARAMETERS,
    TEMPERATURE,
    TOKENS,
    Offer,
    Reply,
    Tools,
)

PATH = "/mcp"
MOST_BODY_BYTES = 512 * 1024
MOST_SESSIONS = 100
TOLD_EVERY_S = 1.0
INSTRUCTIONS = (
    "Lectern asks a language model that runs locally. Nothing that you send leaves the machine "
    "or the servers that its owner chose. It is small: check what matters."
)
# It changes nothing; the answers differ from call to call.
READS = ToolAnnotations(read_only_hint=True, destructive_hint=False, open_world_hint=False)

Question = Annotated[
    str, Field(description=PARAMETERS["question"], min_length=1, max_length=MOST_QUESTION_CHARS)
]
ModelId = Annotated[str, Field(description=PARAMETERS["model"], max_length=500)]
SystemPrompt = Annotated[
    str, Field(description=PARAMETERS["system_prompt"], max_length=MOST_SYSTEM_CHARS)
]
Temperature = Annotated[float, Field(description=PARAMETERS["temperature"], ge=0, le=2)]
MaxTokens = Annotated[int, Field(description=PARAMETERS["max_tokens"], ge=1, le=MOST_TOKENS)]


def make_mcp_app(tools: Tools) -> Starlette:
    """An application with the one route `PATH`; run its lifespan with that of the whole."""
    server: MCPServer[Any] = MCPServer(
        "Lectern", instructions=INSTRUCTIONS, log_level="WARNING", subscriptions=False
    )

    _add_ask(server, tools)

    @server.tool(description=MODELS, annotations=READS)
    async def models() -> list[Offer]:
        try:
            return await tools.models()
        except ChatError as error:
            raise ToolError(str(error)) from None

    # Clients before the protocol of July 2026 cancel a call through their session. Who may call is
    # decided for the whole service by `callers`, before anything reaches this.
    return server.streamable_http_app(
        streamable_http_path=PATH,
        max_request_body_size=MOST_BODY_BYTES,
        max_sessions=MOST_SESSIONS,
        host="",
    )


def _add_ask(server: MCPServer[Any], tools: Tools) -> None:
    @server.tool(description=ASK, annotations=READS)
    async def ask(
        question: Question,
        context: Context[Any, Any],
        model: ModelId = "",
        system_prompt: SystemPrompt = "",
        temperature: Temperature = TEMPERATURE,
        max_tokens: MaxTokens = TOKENS,
    ) -> Reply:
        tell = _teller(context.report_progress)
        try:
            calls = tools.ask(question, model, system_prompt, temperature, max_tokens)
            async with aclosing(calls) as news:
                async for exchange in news:
                    await tell(exchange)
                    if await _has_left(context):
                        raise ToolError("The caller has left.")
        except ChatError as error:
            raise ToolError(str(error)) from None
        return Reply.of(exchange)


async def _has_left(context: Context[Any, Any]) -> bool:
    """Whether the connection of this call is gone: the protocol would let the call go on."""
    request = context.request_context.request
    return isinstance(request, Request) and await request.is_disconnected()


def _teller(
    report: Callable[[float, float | None, str | None], Awaitable[None]],
) -> Callable[[Exchange], Awaitable[None]]:
    """Tells how far an answer is, at most once a second: it keeps a patient client from giving up.

    The protocol wants each number to be larger than the last.
    """
    began = told = time.monotonic()

    async def tell(exchange: Exchange) -> None:
        nonlocal told
        now = time.monotonic()
        if now - told < TOLD_EVERY_S:
            return
        told = now
        if exchange.place:
            words = f"Waiting in line, {exchange.place} before this call's turn"
        else:
            words = f"{exchange.phase}, {len(exchange.answer.text):,} characters so far"
        await report(round(now - began, 1), None, words)

    return tell
