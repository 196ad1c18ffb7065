"""What goes to a model and what comes back: plain values, no behaviour but their wording.

Owns: Message and Sampling (the way in), the pieces of a streamed answer and its Stats (the way
out). It talks to nobody.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Role = Literal["system", "user", "assistant"]


@dataclass(frozen=True, slots=True)
class Message:
    """One turn of a conversation."""

    role: Role
    content: str


@dataclass(frozen=True, slots=True)
class Sampling:
    """How the next token is picked, and how many at most (None: until the model stops)."""

    temperature: float = 0.7
    top_p: float = 0.95
    max_tokens: int | None = None


@dataclass(frozen=True, slots=True)
class Stats:
    """The numbers of one answer, timed here; token counts are the server's own or None."""

    time_to_first_token_s: float | None
    tokens_per_second: float | None
    prompt_tokens: int | None
    completion_tokens: int | None
    finish_reason: str | None
    model: str

    @property
    def line(self) -> str:
        """For example `41 tokens · 39.8 tokens/s · first token after 0.03 s`."""
        parts = []
        if self.completion_tokens is not None:
            noun = "token" if self.completion_tokens == 1 else "tokens"
            parts.append(f"{self.completion_tokens:,} {noun}")
        if self.tokens_per_second is not None:
            parts.append(f"{self.tokens_per_second:,.1f} tokens/s")
        if self.time_to_first_token_s is not None:
            parts.append(f"first token after {self.time_to_first_token_s:.2f} s")
        return " · ".join(parts)


@dataclass(frozen=True, slots=True)
class Reasoning:
    """A bit of the model's thinking, to be set apart from the answer."""

    text: str


@dataclass(frozen=True, slots=True)
class Text:
    """A bit of the answer itself."""

    text: str


@dataclass(frozen=True, slots=True)
class Finished:
    """The last piece of an answer that came to its end."""

    stats: Stats


Piece = Reasoning | Text | Finished
