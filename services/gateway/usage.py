"""How many tokens a request read and wrote, taken from a copy of the answer.

Owns where each protocol states its usage, and the estimate that counts where it states none (a
caller who left, LM Studio's embeddings). It never changes or delays an answer.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

# English text has about four characters a token; JSON around it weighs in as well, so an estimate
# from a body's length errs on the high side. It is corrected as soon as the true figure is known.
BYTES_PER_TOKEN = 4
MAX_ID_CHARS = 200
_PLACES = frozenset({"usage", "stats", "response", "message", "result"})
# Anthropic counts what came from a cache apart; OpenAI's `input_tokens` holds it.
_READ = ("input_tokens", "cache_read_input_tokens", "cache_creation_input_tokens")


@dataclass(slots=True)
class Usage:
    """Tokens of one request. `exact` is False while a figure is an estimate."""

    prompt_tokens: int
    completion_tokens: int = 0
    exact: bool = False

    @property
    def total(self) -> int:
        return self.prompt_tokens + self.completion_tokens


class UsageMeter:
    """Reads usage from an answer that passes by."""

    def __init__(self, body_bytes: int) -> None:
        self.usage = Usage(max(1, body_bytes // BYTES_PER_TOKEN))
        self.events = 0
        self.response_id = ""  # of an answer that the model server keeps, to go on from

    def count_events(self, count: int) -> None:
        """Takes note of more events: about a token each, until a true figure comes."""
        self.events += count
        if not self.usage.exact:
            self.usage.completion_tokens = self.events

    def refused(self) -> None:
        """The model server answered with an error: what it had not begun is not counted."""
        if not self.events and not self.usage.exact:
            self.usage = Usage(0, 0, exact=True)

    def see_event(self, document: dict[str, Any]) -> None:
        """Takes note of one event's document."""
        self.count_events(1)
        if speaks_of_usage(document):
            self.see_answer(document)

    def see_answer(self, document: Any) -> None:
        """Takes note of a whole answer that was not streamed."""
        if not isinstance(document, dict):
            return
        self._take(document.get("usage"))
        if "choices" in document:
            return  # chats and completions say it nowhere else, and have no id to go on from
        for name in ("response", "message"):
            if isinstance(place := document.get(name), dict):
                self._take(place.get("usage"))
        self._take_native(document)
        self._take_id(document)
        for name in ("response", "result"):
            if isinstance(place := document.get(name), dict):
                self._take_id(place)

    def _take_id(self, place: dict[str, Any]) -> None:
        """The id of a response, or of a native chat, that a later request can go on from."""
        own = place.get("id") if place.get("object") == "response" else None
        found = place.get("response_id") or own
        if isinstance(found, str):
            self.response_id = found[:MAX_ID_CHARS]

    def _take(self, usage: Any) -> None:
        """OpenAI's names, or those of responses and messages. Zeros mean: not counted."""
        if not isinstance(usage, dict):
            return
        read = _count(usage, "prompt_tokens") or sum(_count(usage, name) for name in _READ)
        written = _count(usage, "completion_tokens") or _count(usage, "output_tokens")
        own = self.usage
        if read:
            own.prompt_tokens = read
        if written:
            own.completion_tokens = written
        own.exact = own.exact or bool(read or written)

    def _take_native(self, document: dict[str, Any]) -> None:
        """`stats` of /api/v1/chat: in the answer, and in the result of its last event."""
        result = document.get("result")
        stats = (result if isinstance(result, dict) else document).get("stats")
        if isinstance(stats, dict) and "input_tokens" in stats:
            self._take(
                {
                    "input_tokens": _count(stats, "input_tokens"),
                    "output_tokens": _count(stats, "total_output_tokens"),
                }
            )


def _count(usage: dict[str, Any], name: str) -> int:
    value = usage.get(name)
    return value if isinstance(value, int) and value > 0 else 0


def speaks_of_usage(document: dict[str, Any]) -> bool:
    """Whether an event's document has something where one of the protocols states its usage."""
    if "choices" in document:  # the chunks of chats and completions, by far the most
        return bool(document.get("usage") or document.get("stats"))
    return not _PLACES.isdisjoint(document)


def is_usage_only(chunk: dict[str, Any]) -> bool:
    """True for the extra chunk that `include_usage` asks for: no choices, but usage."""
    return chunk.get("choices") == [] and bool(chunk.get("usage"))
