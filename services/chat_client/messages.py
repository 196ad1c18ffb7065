"""What goes to a model and what comes back: plain values and their form on the wire.

Owns: Message (the way in), the pieces of a streamed answer and its Stats (the way out). It talks
to nobody; what a picture or a file is, `attachments` tells.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from chat_client.attachments import Image, TextFile

Role = Literal["system", "user", "assistant", "tool"]

# Why an answer ended, by the server's word for it.
ENDINGS = {
    "stop": "ended by itself",
    "length": "ended by the limit on tokens",
    "tool_calls": "ended with a tool call",
    "function_call": "ended with a tool call",
    "content_filter": "ended by the server's filter",
}


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A call that the model wants made; `arguments` is JSON text, whole at the answer's end."""

    index: int
    id: str
    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class Message:
    """One turn of a conversation; `tool_call_id` names the call that a tool's message answers."""

    role: Role
    content: str
    images: tuple[Image, ...] = ()
    files: tuple[TextFile, ...] = ()
    tool_calls: tuple[ToolCall, ...] = ()
    tool_call_id: str = ""

    @property
    def text(self) -> str:
        """All that the model reads as text: the files first, then what was typed."""
        return "\n\n".join([*(file.as_context for file in self.files), self.content])

    def on_the_wire(self) -> dict[str, Any]:
        """The message in OpenAI's form; pictures are parts, as LM Studio takes them."""
        sent: dict[str, Any] = {"role": self.role, "content": self.text}
        if self.images:
            parts: list[dict[str, Any]] = [{"type": "text", "text": self.text}]
            parts += [
                {"type": "image_url", "image_url": {"url": image.data_url}} for image in self.images
            ]
            sent["content"] = parts
        if self.tool_calls:
            sent["tool_calls"] = [
                {
                    "id": call.id,
                    "type": "function",
                    "function": {"name": call.name, "arguments": call.arguments},
                }
                for call in self.tool_calls
            ]
        return sent | ({"tool_call_id": self.tool_call_id} if self.tool_call_id else {})


@dataclass(frozen=True, slots=True)
class Stats:
    """The numbers of one answer, timed here; token counts are the server's own or None.

    `counted_tokens` is how many pieces came, for want of the server's count: about a token each.
    """

    time_to_first_token_s: float | None
    tokens_per_second: float | None
    prompt_tokens: int | None
    completion_tokens: int | None
    finish_reason: str | None
    model: str
    reasoning_tokens: int | None = None
    reasoning_s: float | None = None
    duration_s: float | None = None
    counted_tokens: int | None = None

    @property
    def line(self) -> str:
        """`9 tokens in, 41 out · 39.8 tokens/s · first token after 0.03 s · ended by itself`."""
        parts = [self._counts()]
        if self.tokens_per_second is not None:
            parts.append(f"{self.tokens_per_second:,.1f} tokens/s")
        if self.time_to_first_token_s is not None:
            parts.append(f"first token after {self.time_to_first_token_s:.2f} s")
        return " · ".join(part for part in [*parts, self.ending] if part)

    @property
    def ending(self) -> str:
        """Why the answer ended, in plain words; "" when the server did not say."""
        reason = self.finish_reason
        return ENDINGS.get(reason, f"ended: {reason}") if reason else ""

    @property
    def written(self) -> str:
        """How many tokens the model wrote: `41`, `about 41`, or "" when nobody has counted."""
        if self.completion_tokens is not None:
            return f"{self.completion_tokens:,}"
        return f"about {self.counted_tokens:,}" if self.counted_tokens else ""

    def _counts(self) -> str:
        came, went = self.prompt_tokens, self.written
        if came is None:
            one = went in ("1", "about 1")
            return f"{went} token{'s' * (not one)} out" if went else ""
        line = f"{came:,} token{'s' * (came != 1)} in"
        return f"{line}, {went} out" if went else line

    def numbers(self) -> dict[str, Any]:
        """The same as the room keeps it with a message; only what is known."""
        counts = {
            "prompt_tokens": self.prompt_tokens,
            "completion_tokens": self.completion_tokens,
        }
        usage: dict[str, Any] = {name: n for name, n in counts.items() if n is not None}
        if self.reasoning_tokens is not None:
            usage["completion_tokens_details"] = {"reasoning_tokens": self.reasoning_tokens}
        if self.reasoning_s is not None:
            usage["reasoning_s"] = self.reasoning_s  # the room's numbers have no field for it
        if self.counted_tokens is not None:
            usage["counted_tokens"] = self.counted_tokens  # nor for this
        kept = {
            "time_to_first_token_s": self.time_to_first_token_s,
            "tokens_per_second": self.tokens_per_second,
            "duration_s": self.duration_s,
            "finish_reason": self.finish_reason,
            "usage": usage or None,
        }
        return {name: value for name, value in kept.items() if value is not None}

    @classmethod
    def from_numbers(cls, numbers: dict[str, Any], model: str) -> Stats:
        """Reads what `numbers` gave, or what another program kept in its place."""
        usage = numbers.get("usage") or {}
        details = usage.get("completion_tokens_details") or {}
        return cls(
            numbers.get("time_to_first_token_s"),
            numbers.get("tokens_per_second"),
            usage.get("prompt_tokens"),
            usage.get("completion_tokens"),
            numbers.get("finish_reason"),
            model,
            details.get("reasoning_tokens") if isinstance(details, dict) else None,
            usage.get("reasoning_s"),
            numbers.get("duration_s"),
            usage.get("counted_tokens"),
        )


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


Piece = Reasoning | Text | ToolCall | Finished
