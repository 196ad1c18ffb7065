"""One call per protocol, streamed and not, made with the SDK that a teammate would use.

Owns which SDK asks what, and the text that it got.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import anthropic
import openai

from tests.gateway.native_calls import NativeError, native, native_streamed
from tests.gateway.sdks import Sdks, whole

PROMPT: Any = [{"role": "user", "content": "Hi"}]


async def chat(to: Sdks, model: str) -> str:
    reply = await to.openai.chat.completions.create(model=model, messages=PROMPT)
    return reply.choices[0].message.content or ""


async def chat_streamed(to: Sdks, model: str) -> str:
    text, finished = "", False
    stream = await to.openai.chat.completions.create(model=model, messages=PROMPT, stream=True)
    async for chunk in stream:
        for choice in chunk.choices:
            text += choice.delta.content or ""
            finished = finished or choice.finish_reason is not None
    return whole(text, finished)


async def completion(to: Sdks, model: str) -> str:
    reply = await to.openai.completions.create(model=model, prompt="Hi")
    return reply.choices[0].text


async def completion_streamed(to: Sdks, model: str) -> str:
    text, finished = "", False
    stream = await to.openai.completions.create(model=model, prompt="Hi", stream=True)
    async for chunk in stream:
        for choice in chunk.choices:
            text += choice.text
            finished = finished or choice.finish_reason is not None
    return whole(text, finished)


async def embeddings(to: Sdks, model: str) -> str:
    reply = await to.openai.embeddings.create(model=model, input="Hi", encoding_format="float")
    return str(reply.data[0].embedding)


async def response(to: Sdks, model: str) -> str:
    reply = await to.openai.responses.create(model=model, input="Hi")
    return reply.output_text


async def response_streamed(to: Sdks, model: str) -> str:
    text, finished = "", False
    stream = await to.openai.responses.create(model=model, input="Hi", stream=True)
    async for event in stream:
        if event.type == "response.output_text.delta":
            text += event.delta
        finished = finished or event.type == "response.completed"
    return whole(text, finished)


async def message(to: Sdks, model: str) -> str:
    reply = await to.anthropic.messages.create(model=model, messages=PROMPT, max_tokens=9)
    return "".join(block.text for block in reply.content if block.type == "text")


async def message_streamed(to: Sdks, model: str) -> str:
    text, finished = "", False
    stream = await to.anthropic.messages.create(
        model=model, messages=PROMPT, max_tokens=9, stream=True
    )
    async for event in stream:
        if event.type == "content_block_delta" and event.delta.type == "text_delta":
            text += event.delta.text
        finished = finished or event.type == "message_stop"
    return whole(text, finished)


@dataclass(frozen=True)
class Call:
    """How one route is asked; `errors` is the base of its SDK's exceptions."""

    name: str
    path: str
    streamed: bool
    ask: Callable[[Sdks, str], Awaitable[str]]
    errors: type[Exception]


V0 = "/api/v0"
CALLS = (
    Call("chat", "/v1/chat/completions", False, chat, openai.APIError),
    Call("chat-streamed", "/v1/chat/completions", True, chat_streamed, openai.APIError),
    Call("completion", "/v1/completions", False, completion, openai.APIError),
    Call("completion-streamed", "/v1/completions", True, completion_streamed, openai.APIError),
    Call("embeddings", "/v1/embeddings", False, embeddings, openai.APIError),
    Call("response", "/v1/responses", False, response, openai.APIError),
    Call("response-streamed", "/v1/responses", True, response_streamed, openai.APIError),
    Call("message", "/v1/messages", False, message, anthropic.APIError),
    Call("message-streamed", "/v1/messages", True, message_streamed, anthropic.APIError),
    Call(
        "native-chat",
        "/api/v1/chat",
        False,
        native("/api/v1/chat", lambda reply: str(reply["output"][0]["content"])),
        NativeError,
    ),
    Call(
        "native-chat-streamed", "/api/v1/chat", True, native_streamed("/api/v1/chat"), NativeError
    ),
    Call(
        "v0-chat",
        f"{V0}/chat/completions",
        False,
        native(
            f"{V0}/chat/completions", lambda reply: str(reply["choices"][0]["message"]["content"])
        ),
        NativeError,
    ),
    Call(
        "v0-chat-streamed",
        f"{V0}/chat/completions",
        True,
        native_streamed(f"{V0}/chat/completions"),
        NativeError,
    ),
    Call(
        "v0-completion",
        f"{V0}/completions",
        False,
        native(f"{V0}/completions", lambda reply: str(reply["choices"][0]["text"])),
        NativeError,
    ),
    Call(
        "v0-completion-streamed",
        f"{V0}/completions",
        True,
        native_streamed(f"{V0}/completions"),
        NativeError,
    ),
    Call(
        "v0-embeddings",
        f"{V0}/embeddings",
        False,
        native(f"{V0}/embeddings", lambda reply: str(reply["data"][0]["embedding"])),
        NativeError,
    ),
)
