"""What every route's translation has in common, and the numbers that all of them report.

A Dialect is made for one request: it turns the caller's body into llama.cpp's, llama.cpp's reply
into LM Studio's, and llama.cpp's stream chunks into events. It does no I/O.
"""

from __future__ import annotations

import secrets
import string
from collections.abc import Iterable
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any, ClassVar, Protocol

from engine.assembly import Assembly
from engine.card import Card
from engine.catalogue import Answering
from engine.errors import Family
from engine.wire import Event

Json = dict[str, Any]
LETTERS = string.ascii_lowercase + string.digits
# What LM Studio does not know (or answers one way only) but llama.cpp would act upon.
STRIPPED = ("n", "id_slot", "logprobs", "top_logprobs", "n_probs", "stream_options", "model")
STRIPPED_TOO = ("return_progress", "return_tokens", "response_fields", "timings_per_token")

# llama.cpp is always asked to stream: `assembly` says why.
STREAMED: Json = {"stream": True, "stream_options": {"include_usage": True}}


class Dialect(Protocol):
    """The translation of one request and its answer."""

    family: ClassVar[Family]
    upstream: ClassVar[str]
    embedding: ClassVar[bool]
    assembly: ClassVar[type[Assembly] | None]
    model: str
    stream: bool

    def request(self) -> Json:
        """The body for llama.cpp, streamed if there is an `assembly`.

        Raises Refusal when the caller's body does not fit.
        """
        ...

    def begin(self, answering: Answering) -> None:
        """Tells who answers, once it is known; raises Refusal when that one cannot."""
        ...

    def reply(self, answer: Json) -> Json:
        """The whole reply."""
        ...

    def start(self) -> Iterable[Event]:
        """Events before the first chunk."""
        ...

    def events(self, chunk: Json) -> Iterable[Event]:
        """The events that one chunk of llama.cpp's stream becomes."""
        ...

    def end(self) -> Iterable[Event]:
        """Events after the last chunk."""
        ...

    def failed(self, message: str) -> Iterable[Event]:
        """Events of an error after the stream has begun."""
        ...


@dataclass(frozen=True, slots=True)
class Measured:
    """llama.cpp's own timings of one answer. Seconds, tokens."""

    prompt_s: float
    predicted_s: float
    predicted: int
    tokens_per_second: float
    cached: int

    @classmethod
    def of(cls, timings: Json | None) -> Measured:
        timings = timings or {}
        return cls(
            prompt_s=timings.get("prompt_ms", 0.0) / 1000,
            predicted_s=timings.get("predicted_ms", 0.0) / 1000,
            predicted=timings.get("predicted_n", 0),
            tokens_per_second=timings.get("predicted_per_second", 0.0),
            cached=timings.get("cache_n", 0),
        )


def passed_on(body: Json) -> Json:
    """The caller's fields that llama.cpp may see."""
    hidden = (*STRIPPED, *STRIPPED_TOO)
    return {key: value for key, value in body.items() if key not in hidden}


def usage(counts: Json | None, reasoning_tokens: int = 0) -> Json:
    """OpenAI's usage as LM Studio fills it: reasoning counted, cached tokens not shown."""
    counts = counts or {}
    prompt, completion = counts.get("prompt_tokens", 0), counts.get("completion_tokens", 0)
    return {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
        "completion_tokens_details": {"reasoning_tokens": reasoning_tokens},
    }


def new_id(prefix: str, length: int = 22) -> str:
    """A random id such as `chatcmpl-x1y2…`."""
    return prefix + "".join(secrets.choice(LETTERS) for _ in range(length))


def stats(answer: Json, finish_reason: str | None, limit: int | None) -> Json:
    """The `stats` of /api/v0; which names `stop_reason` can have is from LM Studio's SDK."""
    measured = Measured.of(answer.get("timings"))
    return {
        "tokens_per_second": measured.tokens_per_second,
        "time_to_first_token": measured.prompt_s,
        "generation_time": measured.predicted_s,
        "stop_reason": stop_reason(finish_reason, measured.predicted, limit),
    }


def stop_reason(finish_reason: str | None, predicted: int, limit: int | None) -> str:
    if finish_reason == "tool_calls":
        return "toolCalls"
    if finish_reason != "length":
        return "eosFound"
    reached = limit is not None and 0 <= limit <= predicted
    return "maxPredictedTokensReached" if reached else "contextLengthReached"


def model_info(card: Card, context_length: int) -> Json:
    """The `model_info` of /api/v0."""
    return {
        "arch": card.architecture,
        "quant": card.quantization,
        "format": "gguf",
        "context_length": context_length,
    }


def runtime() -> Json:
    """The `runtime` of /api/v0: which build of llama.cpp answers."""
    return {
        "name": "llama.cpp-xllamacpp-cpu",
        "version": version("xllamacpp"),
        "supported_formats": ["gguf"],
    }


def openai_failure(message: str) -> list[Event]:
    """LM Studio's error inside a stream of an OpenAI route; no `[DONE]` follows it."""
    return [Event({"error": {"message": message}, "message": message}, name="error")]
