"""Conversations of this process, kept outside the browser's session so that a reload finds them.

Owns: a reply under way (the only reader of its Answer), its conversation, and the shelf that holds
a bounded number of them for a bounded time. A conversation's id is unguessable, since whoever has
it can read the conversation. Nothing survives the process.
"""

from __future__ import annotations

import secrets
import threading
import time
from collections import OrderedDict
from dataclasses import dataclass, field

from chat_client import Answer, ChatError, Finished, Message, Reasoning, Stats, Text

MOST_CONVERSATIONS = 200
LONGEST_IDLE_S = 12 * 3600.0


class Reply:
    """One answer of a model: what has come so far, and how it ended."""

    def __init__(self, model: str, answer: Answer) -> None:
        self.model = model
        self.asked_at = time.monotonic()
        self.text = ""
        self.reasoning = ""
        self.stats: Stats | None = None
        self.error: ChatError | None = None
        self.stopped = False
        self.open = True
        self._answer = answer
        self._lock = threading.Lock()  # A reload has two scripts reading for a moment.
        self._thought_from: float | None = None
        self._thought_until: float | None = None

    def take(self, timeout_s: float) -> bool:
        """Waits up to `timeout_s` for more and takes it in; False when nothing has changed."""
        with self._lock:
            if not self.open:
                return False
            pieces = self._answer.poll(timeout_s)
            for piece in pieces:
                if isinstance(piece, Reasoning):
                    self._thought_from = self._thought_from or time.monotonic()
                    self.reasoning += piece.text
                elif isinstance(piece, Text):
                    self._thought_until = self._thought_until or time.monotonic()
                    self.text += piece.text
                elif isinstance(piece, Finished):
                    self.stats = piece.stats
            if self._answer.done:
                self._close()
            return bool(pieces) or not self.open

    def stop(self) -> None:
        """Closes the upstream and keeps what has come."""
        self._answer.stop()  # Without the lock: it must not wait for a reader.
        self.take(0)
        with self._lock:
            if self.open:
                self._close()

    def _close(self) -> None:
        self.open = False
        self.error = self._answer.error
        self.stopped = self.stats is None and self.error is None
        self._thought_until = self._thought_until or time.monotonic()

    @property
    def reasoning_s(self) -> float | None:
        """How long the model has thought, in seconds; None when it did not."""
        if self._thought_from is None:
            return None
        return (self._thought_until or time.monotonic()) - self._thought_from


@dataclass
class Turn:
    """A question and its reply."""

    question: str
    reply: Reply


@dataclass
class Conversation:
    """The turns so far, oldest first."""

    id: str = field(default_factory=lambda: secrets.token_urlsafe(16))
    turns: list[Turn] = field(default_factory=list)
    used_at: float = field(default_factory=time.monotonic)

    @property
    def under_way(self) -> Reply | None:
        """The reply that is still coming, if any."""
        last = self.turns[-1].reply if self.turns else None
        return last if last is not None and last.open else None

    def messages(self, question: str, system_prompt: str) -> list[Message]:
        """What to send so that the model knows the conversation.

        A question without any answer is left out: many models' templates refuse two messages of
        the same role in a row.
        """
        sent = [Message("system", system_prompt)] if system_prompt.strip() else []
        for turn in self.turns:
            if turn.reply.text:
                sent.append(Message("user", turn.question))
                sent.append(Message("assistant", turn.reply.text))
        return [*sent, Message("user", question)]


class Shelf:
    """The process's conversations by id; the longest unused ones go first."""

    def __init__(self, most: int = MOST_CONVERSATIONS, idle_s: float = LONGEST_IDLE_S) -> None:
        self._most = most
        self._idle_s = idle_s
        self._kept: OrderedDict[str, Conversation] = OrderedDict()
        self._lock = threading.Lock()

    def find(self, conversation_id: str) -> Conversation | None:
        with self._lock:
            conversation = self._kept.get(conversation_id)
            if conversation is not None:
                self._touch(conversation)
            return conversation

    def keep(self, conversation: Conversation) -> None:
        with self._lock:
            self._kept[conversation.id] = conversation
            self._touch(conversation)
            oldest_use = time.monotonic() - self._idle_s
            for kept in list(self._kept.values()):
                if len(self._kept) > self._most or kept.used_at < oldest_use:
                    del self._kept[kept.id]

    def _touch(self, conversation: Conversation) -> None:
        conversation.used_at = time.monotonic()
        self._kept.move_to_end(conversation.id)
