"""One message of a dialogue: a question with what was attached, or an answer that may be coming.

Owns: taking an answer's pieces in, and the form in which the room keeps a message. Its place among
the others is `dialogue`'s.
"""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass, field
from typing import Any, Literal

from chat_client.attachments import Image, TextFile
from chat_client.errors import ChatError
from chat_client.messages import (
    Finished,
    Message,
    Piece,
    Reasoning,
    Role,
    Stats,
    Text,
    ToolCall,
)
from chat_client.room_values import Feedback, StoredMessage

State = Literal["coming", "done", "stopped", "failed"]


@dataclass(eq=False)
class Entry:
    """A message; its `id` is made here, so that keeping it twice makes it once."""

    role: Role
    text: str = ""
    parent_id: str | None = None
    images: tuple[Image, ...] = ()
    files: tuple[TextFile, ...] = ()
    model: str = ""
    state: State = "done"
    reasoning: str = ""
    tool_calls: tuple[ToolCall, ...] = ()
    stats: Stats | None = None
    error: ChatError | None = None
    feedback: Feedback | None = None  # a thumb up or down, of whom the conversation belongs to
    id: str = field(default_factory=lambda: "m_" + secrets.token_hex(12))
    asked_at: float = field(default_factory=time.monotonic)
    ended_at: float | None = None
    _thought_from: float | None = None
    _thought_until: float | None = None

    @property
    def answered_by(self) -> str:
        """The model that really answered, which need not be the one that was asked."""
        return self.stats.model if self.stats and self.stats.model else self.model

    @property
    def line(self) -> str:
        """What stands below an answer: its numbers, how it ended, and who gave it."""
        parts = [self.stats.line if self.stats else ""]
        if self.state == "stopped":
            came = self.stats or self.text or self.reasoning
            parts.append("stopped" if came else "stopped before the first token")
        return " · ".join(part for part in [*parts, self.giver] if part)

    @property
    def giver(self) -> str:
        """Which model gave the answer, and that it is another one than was asked."""
        other = self.model and self.answered_by != self.model
        return f"answered by {self.answered_by}, not {self.model}" if other else self.answered_by

    @property
    def reasoning_s(self) -> float | None:
        """How long the model has thought, in seconds; None when it did not."""
        if self._thought_from is None:
            return self.stats.reasoning_s if self.stats else None
        return (self._thought_until or time.monotonic()) - self._thought_from

    def take(self, piece: Piece) -> None:
        """Adds what the model sent."""
        if isinstance(piece, Reasoning):
            self._thought_from = self._thought_from or time.monotonic()
            self.reasoning += piece.text
            return
        if self._thought_from is not None:
            self._thought_until = self._thought_until or time.monotonic()
        if isinstance(piece, Text):
            self.text += piece.text
        elif isinstance(piece, ToolCall):
            others = [call for call in self.tool_calls if call.index != piece.index]
            self.tool_calls = tuple(sorted([*others, piece], key=lambda call: call.index))
        elif isinstance(piece, Finished):
            self.stats = piece.stats

    def end(self, error: ChatError | None = None, so_far: Stats | None = None) -> None:
        """Closes the answer; what came so far stays. Harmless when it is closed already.

        `so_far`: the numbers to keep when no others have come.
        """
        self._close("failed" if error else "done", error, so_far)

    def stop(self, so_far: Stats | None = None) -> None:
        """The same for an answer that somebody has stopped."""
        self._close("stopped", None, so_far)

    def _close(self, state: State, error: ChatError | None, so_far: Stats | None) -> None:
        if self.state != "coming":
            return
        self.state, self.error, self.ended_at = state, error, time.monotonic()
        self.stats = self.stats or so_far
        if self._thought_from is not None:
            self._thought_until = self._thought_until or self.ended_at

    @property
    def elapsed_s(self) -> float:
        """From the question to the end, or until now."""
        return (self.ended_at or time.monotonic()) - self.asked_at

    def message(self) -> Message:
        """As it goes to a model."""
        return Message(self.role, self.text, self.images, self.files, self.tool_calls)

    def stored(self) -> dict[str, Any]:
        """As the room keeps it."""
        kept: dict[str, Any] = {
            "content": self._content(),
            "finished": self.state != "coming",
            "extra": self._extra() or None,
            "reasoning": self.reasoning or None,
            "model": self.answered_by or None,
            "numbers": self.stats.numbers() if self.stats else None,
        }
        return {name: value for name, value in kept.items() if value is not None}

    def _content(self) -> str | list[dict[str, Any]]:
        if not (self.images or self.files):
            return self.text
        parts: list[dict[str, Any]] = [{"type": "text", "text": self.text}]
        parts += [{"type": "text", "text": file.text} for file in self.files]
        parts += [
            {"type": "image_url", "image_url": {"url": image.data_url}} for image in self.images
        ]
        return parts

    def _extra(self) -> dict[str, Any]:
        extra: dict[str, Any] = {}
        if self.files:
            extra["files"] = [
                {"name": file.name, "size_bytes": file.size_bytes, "note": file.note}
                for file in self.files
            ]
        if self.images:
            extra["images"] = [
                {"name": image.name, "media_type": image.media_type, "size_bytes": image.size_bytes}
                for image in self.images
            ]
        if self.tool_calls:
            extra["tool_calls"] = [
                {"id": call.id, "name": call.name, "arguments": call.arguments}
                for call in self.tool_calls
            ]
        if self.state in ("stopped", "failed"):
            extra["state"] = self.state
        if self.error is not None:
            extra["error"] = {"message": self.error.message, "advice": self.error.advice}
        return extra


def entry_of(stored: StoredMessage) -> Entry:
    """A message that the room has kept, whoever put it there."""
    extra = stored.extra or {}
    text, files, images = _read_content(stored.content, extra)
    error = extra.get("error")
    state: State = "done" if stored.finished else "stopped"
    if extra.get("state") in ("stopped", "failed"):
        state = extra["state"]
    return Entry(
        role=stored.role,
        text=text,
        parent_id=stored.parent_id,
        images=images,
        files=files,
        model=stored.model or "",
        state=state,
        reasoning=stored.reasoning or "",
        tool_calls=_tool_calls(extra.get("tool_calls")),
        stats=Stats.from_numbers(stored.numbers, stored.model or "") if stored.numbers else None,
        error=ChatError(str(error.get("message", "")), str(error.get("advice", "")))
        if isinstance(error, dict)
        else None,
        feedback=stored.feedback,
        id=stored.id,
    )


def _read_content(
    content: str | list[dict[str, Any]], extra: dict[str, Any]
) -> tuple[str, tuple[TextFile, ...], tuple[Image, ...]]:
    """Text, files and pictures; the parts of another program's message are all text."""
    if isinstance(content, str):
        return content, (), ()
    texts = [str(part.get("text", "")) for part in content if part.get("type") == "text"]
    urls = [_url(part) for part in content if part.get("type") == "image_url"]
    told = _dicts(extra.get("files"))
    typed, kept = texts, []
    if told and len(texts) == len(told) + 1:
        typed, kept = texts[:1], texts[1:]
    files = tuple(
        TextFile(str(file.get("name")), text, _size(file), str(file.get("note") or ""))
        for file, text in zip(told, kept, strict=False)
    )
    named = _dicts(extra.get("images"))
    pictures = [url for url in urls if url.startswith("data:image/")]
    images = []
    for number, url in enumerate(pictures):
        known = named[number] if number < len(named) else {}
        media_type = url[5:].split(";", 1)[0]
        size = _size(known) or len(url) * 3 // 4
        images.append(Image(str(known.get("name") or "picture"), media_type, url, size))
    return "\n\n".join(typed), files, tuple(images)


def _url(part: dict[str, Any]) -> str:
    image = part.get("image_url")
    return str(image.get("url", "")) if isinstance(image, dict) else str(image or "")


def _size(known: dict[str, Any]) -> int:
    size = known.get("size_bytes")
    return size if isinstance(size, int) else 0


def _dicts(value: Any) -> list[dict[str, Any]]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def _tool_calls(value: Any) -> tuple[ToolCall, ...]:
    return tuple(
        ToolCall(number, *(str(call.get(name, "")) for name in ("id", "name", "arguments")))
        for number, call in enumerate(_dicts(value))
    )
