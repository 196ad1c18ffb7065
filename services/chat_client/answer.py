"""One streamed answer: asked for through the openai SDK, read, timed, and closed for certain.

Owns: the request, the pieces in their order, the numbers, what counts as an end. The stream is a
context manager here, so leaving the generator in any way closes the upstream connection: that is
what stops the model.
"""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Sequence
from typing import Any, cast

import openai
from openai.types import CompletionUsage
from openai.types.chat import ChatCompletionChunk, ChatCompletionMessageParam

from chat_client import diagnosis
from chat_client.connection import chat_connection
from chat_client.messages import Finished, Message, Piece, Reasoning, Sampling, Stats, Text
from chat_client.reasoning import ThinkSplitter
from chat_client.settings import ChatSettings


async def stream_answer(
    settings: ChatSettings, model: str, messages: Sequence[Message], sampling: Sampling
) -> AsyncGenerator[Piece, None]:
    """Yields the answer's pieces as they come, and Finished last; raises ChatError.

    Closing the generator or cancelling its task closes the upstream at once, also while the first
    token is still awaited.
    """
    course = _Course(model)
    try:
        async with (
            chat_connection(settings) as client,
            await client.chat.completions.create(**_request(model, messages, sampling)) as stream,
        ):
            await _refuse_plain_json(stream, settings)
            async for chunk in stream:
                for piece in course.take(chunk):
                    yield piece
    except (openai.OpenAIError, ValueError) as error:
        # After the finish chunk the text is complete: how the connection ends no longer matters.
        if course.finish_reason is None:
            raise diagnosis.from_openai(error, settings, started=course.started) from error
    for piece in course.rest():
        yield piece
    if course.finish_reason is None:
        raise diagnosis.cut_off() if course.started else diagnosis.empty_answer()
    yield Finished(course.stats())


def _request(model: str, messages: Sequence[Message], sampling: Sampling) -> dict[str, Any]:
    turns = [{"role": message.role, "content": message.content} for message in messages]
    return {
        "model": model,
        "messages": cast(list[ChatCompletionMessageParam], turns),
        "temperature": sampling.temperature,
        "top_p": sampling.top_p,
        "max_tokens": openai.omit if sampling.max_tokens is None else sampling.max_tokens,
        "stream": True,
        "stream_options": {"include_usage": True},
    }


async def _refuse_plain_json(
    stream: openai.AsyncStream[ChatCompletionChunk], settings: ChatSettings
) -> None:
    """LM Studio answers a wrong route with 200 and a JSON error, which is no stream at all."""
    response = stream.response
    if "json" in response.headers.get("content-type", ""):
        await response.aread()
        text = diagnosis.error_text(response.json())
        raise diagnosis.from_server(text or "no stream came back", None, settings)


class _Course:
    """What has come so far of one answer."""

    def __init__(self, model: str) -> None:
        self.model = model
        self.finish_reason: str | None = None
        self._usage: CompletionUsage | None = None
        self._splitter = ThinkSplitter()
        self._asked_at = time.monotonic()
        self._first_at: float | None = None
        self._last_at = self._asked_at
        self._chunks = 0

    @property
    def started(self) -> bool:
        return self._first_at is not None

    def take(self, chunk: ChatCompletionChunk) -> list[Reasoning | Text]:
        self.model = chunk.model or self.model  # LM Studio may answer with another model.
        self._usage = chunk.usage or self._usage
        if not chunk.choices:
            return []
        choice = chunk.choices[0]
        self.finish_reason = choice.finish_reason or self.finish_reason
        if choice.delta is None:
            return []
        extra = choice.delta.model_extra or {}
        thought = extra.get("reasoning_content") or extra.get("reasoning")
        content = choice.delta.content
        if thought or content:
            self._count()
        pieces: list[Reasoning | Text] = []
        if isinstance(thought, str) and thought:
            pieces.append(Reasoning(thought))
        return pieces + self._splitter.feed(content) if content else pieces

    def rest(self) -> list[Reasoning | Text]:
        return self._splitter.rest()

    def _count(self) -> None:
        self._last_at = time.monotonic()
        self._first_at = self._first_at or self._last_at
        self._chunks += 1

    def stats(self) -> Stats:
        usage = self._usage
        first_token_s = None if self._first_at is None else self._first_at - self._asked_at
        return Stats(
            time_to_first_token_s=first_token_s,
            tokens_per_second=self._tokens_per_second(),
            prompt_tokens=usage.prompt_tokens if usage else None,
            completion_tokens=usage.completion_tokens if usage else None,
            finish_reason=self.finish_reason,
            model=self.model,
        )

    def _tokens_per_second(self) -> float | None:
        """Tokens after the first one over the time since then; a chunk counts as one token where
        the server reports no usage."""
        tokens = self._usage.completion_tokens if self._usage else self._chunks
        if self._first_at is None or tokens < 2 or self._last_at <= self._first_at:
            return None
        return (tokens - 1) / (self._last_at - self._first_at)
