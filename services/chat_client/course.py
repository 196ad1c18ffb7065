"""What has come so far of one answer: its pieces in order, its clock, its counts.

Owns: reading chunks (text, thinking under either of its names, tool calls bit by bit) and the
numbers made of them. It neither asks nor closes anything.
"""

from __future__ import annotations

import time
from dataclasses import replace

from openai.types import CompletionUsage
from openai.types.chat import ChatCompletionChunk
from openai.types.chat.chat_completion_chunk import ChoiceDeltaToolCall

from chat_client.messages import Reasoning, Stats, Text, ToolCall
from chat_client.reasoning import ThinkSplitter


class Course:
    """Feed it chunks as they come; make it when the question is sent, as its clock starts then."""

    def __init__(self, model: str) -> None:
        self.model = model
        self.finish_reason: str | None = None
        self._usage: CompletionUsage | None = None
        self._splitter = ThinkSplitter()
        self._calls: dict[int, ToolCall] = {}
        self._asked_at = time.monotonic()
        self._first_at: float | None = None
        self._last_at = self._asked_at
        self._chunks = 0
        self._thought_from: float | None = None
        self._thought_until: float | None = None

    @property
    def started(self) -> bool:
        return self._first_at is not None

    def take(self, chunk: ChatCompletionChunk) -> list[Reasoning | Text | ToolCall]:
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
        calls = choice.delta.tool_calls or []
        if thought or content or calls:
            self._count()
        pieces: list[Reasoning | Text | ToolCall] = []
        if isinstance(thought, str) and thought:
            pieces.append(Reasoning(thought))
        if content:
            pieces += self._splitter.feed(content)
        pieces += [self._call(fragment) for fragment in calls]
        self._watch_thinking(pieces)
        return pieces

    def rest(self) -> list[Reasoning | Text]:
        return self._splitter.rest()

    def _call(self, fragment: ChoiceDeltaToolCall) -> ToolCall:
        """The call as known after this fragment."""
        # Some servers leave the index out: a fragment with an id begins a call, others go on.
        index: int | None = fragment.index
        if index is None:
            index = len(self._calls) if fragment.id else max(len(self._calls) - 1, 0)
        known = self._calls.get(index) or ToolCall(index, "", "", "")
        function = fragment.function
        name = (function.name if function else None) or known.name
        more = (function.arguments if function else None) or ""
        call = replace(
            known, id=fragment.id or known.id, name=name, arguments=known.arguments + more
        )
        self._calls[index] = call
        return call

    def _count(self) -> None:
        self._last_at = time.monotonic()
        self._first_at = self._first_at or self._last_at
        self._chunks += 1

    def _watch_thinking(self, pieces: list[Reasoning | Text | ToolCall]) -> None:
        for piece in pieces:
            if isinstance(piece, Reasoning):
                self._thought_from = self._thought_from or self._last_at
            elif self._thought_from is not None:
                self._thought_until = self._thought_until or self._last_at

    def stats(self) -> Stats:
        usage = self._usage
        details = usage.completion_tokens_details if usage else None
        first_token_s = None if self._first_at is None else self._first_at - self._asked_at
        return Stats(
            time_to_first_token_s=first_token_s,
            tokens_per_second=self._tokens_per_second(),
            prompt_tokens=usage.prompt_tokens if usage else None,
            completion_tokens=usage.completion_tokens if usage else None,
            finish_reason=self.finish_reason,
            model=self.model,
            reasoning_tokens=details.reasoning_tokens if details else None,
            reasoning_s=self._reasoning_s(),
            duration_s=self._last_at - self._asked_at,
            counted_tokens=None if usage else self._chunks,
        )

    def so_far(self) -> Stats | None:
        """The numbers of an answer that somebody stops now; None before its first token."""
        return replace(self.stats(), finish_reason=None) if self.started else None

    def _reasoning_s(self) -> float | None:
        if self._thought_from is None:
            return None
        return (self._thought_until or self._last_at) - self._thought_from

    def _tokens_per_second(self) -> float | None:
        """Tokens after the first one over the time since then; a chunk counts as one token where
        the server reports no usage."""
        tokens = self._usage.completion_tokens if self._usage else self._chunks
        if self._first_at is None or tokens < 2 or self._last_at <= self._first_at:
            return None
        return (tokens - 1) / (self._last_at - self._first_at)
