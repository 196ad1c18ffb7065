"""A conversation as a tree: every edit and every new answer stands beside the older ones.

Owns: the tree, which path through it is shown, and what of it goes to a model. It works without
the gateway; `dialogue_keeping` brings it there and back.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any

from chat_client.attachments import Image, TextFile
from chat_client.dialogue_entry import Entry, State
from chat_client.errors import ChatError
from chat_client.messages import Message, Piece, Stats, ToolCall
from chat_client.one_line import one_line
from chat_client.sampling import Sampling

MOST_ATTACHED_CHARS = 7_500_000  # of one question: the room keeps messages of 8 MiB
TITLE_CHARS = 60


@dataclass(frozen=True, slots=True)
class Shown:
    """One message on the path that is shown, and its neighbours among its versions.

    `place` counts from 1 to `of`; `older_id` and `newer_id` are what to choose, None at an end.
    """

    message: Entry
    place: int
    of: int
    older_id: str | None
    newer_id: str | None


@dataclass(frozen=True, slots=True)
class Turn:
    """An answer to be asked for: send `messages`, `take` each piece, end `answer` in any case."""

    messages: tuple[Message, ...]
    answer: Entry

    @property
    def id(self) -> str:
        return self.answer.id

    @property
    def text(self) -> str:
        return self.answer.text

    @property
    def reasoning(self) -> str:
        return self.answer.reasoning

    @property
    def reasoning_s(self) -> float | None:
        return self.answer.reasoning_s

    @property
    def tool_calls(self) -> tuple[ToolCall, ...]:
        return self.answer.tool_calls

    @property
    def stats(self) -> Stats | None:
        return self.answer.stats

    @property
    def state(self) -> State:
        return self.answer.state

    def take(self, piece: Piece) -> None:
        self.answer.take(piece)


class Tree:
    """Messages by id, each one's children in the order in which they came."""

    def __init__(self, entries: Iterable[Entry] = (), leaf: str | None = None) -> None:
        self.entries: dict[str, Entry] = {}
        self._children: dict[str | None, list[str]] = {}
        for entry in entries:
            self.add(entry)
        self.leaf = leaf if leaf in self.entries else self._latest_below(None)
        self.system_prompt = ""
        self.settings: dict[str, Any] = {}

    @property
    def sampling(self) -> Sampling:
        """The conversation's own settings."""
        return Sampling.from_settings(self.settings)

    @property
    def shown(self) -> list[Shown]:
        """The path to draw, the first message first."""
        return [self._shown(entry) for entry in self.path(self.leaf)]

    @property
    def under_way(self) -> Entry | None:
        """The answer on the shown path that is still coming, if any."""
        last = self.entries.get(self.leaf or "")
        return last if last is not None and last.state == "coming" else None

    @property
    def first_words(self) -> str:
        """A title for as long as the conversation has none."""
        first = next((each for each in self.entries.values() if each.role == "user"), None)
        return one_line(first.text, TITLE_CHARS) if first else ""

    def path(self, leaf: str | None) -> list[Entry]:
        """From the first message to this one."""
        path: list[Entry] = []
        while leaf is not None and (entry := self.entries.get(leaf)) is not None:
            path.append(entry)
            leaf = entry.parent_id
        return path[::-1]

    def add(self, entry: Entry) -> Entry:
        """Puts a message into the tree and makes it the end of what is shown."""
        self.entries[entry.id] = entry
        self._children.setdefault(entry.parent_id, []).append(entry.id)
        self.leaf = entry.id
        return entry

    def ask(
        self,
        text: str,
        model: str = "",
        images: Sequence[Image] = (),
        files: Sequence[TextFile] = (),
    ) -> Turn:
        """Adds a question at the end; raises ChatError when too much is attached."""
        _check_attached(images, files)
        question = Entry("user", text, self.leaf, tuple(images), tuple(files))
        return self._answer(self.add(question), model)

    def edit(self, message_id: str, text: str, model: str = "") -> Turn:
        """Adds another version of a question, with the same attachments, and asks again."""
        old = self.entries[message_id]
        if old.role != "user":
            raise ValueError("only a question can be edited and asked again")
        return self._answer(
            self.add(Entry("user", text, old.parent_id, old.images, old.files)), model
        )

    def regenerate(self, message_id: str, model: str = "") -> Turn:
        """Asks for another version of an answer, of the same model or of another one."""
        old = self.entries[message_id]
        if old.role == "user":
            return self._answer(old, model)
        return self._answer(self.entries[old.parent_id or ""], model or old.model)

    def choose(self, message_id: str) -> None:
        """Shows the path through this message, down to its latest descendant."""
        self.leaf = self._latest_below(message_id)

    def messages_to(self, message_id: str | None) -> tuple[Message, ...]:
        """What a model is told when it goes on after this message.

        A question without any answer is left out, unless it is the last: many models' templates
        refuse two messages of the same role in a row.
        """
        path = self.path(message_id)
        sent = [Message("system", self.system_prompt)] if self.system_prompt.strip() else []
        for entry, following in zip_longest(path, path[1:]):
            if entry.role == "assistant" and not (entry.text or entry.tool_calls):
                continue
            silent = following is not None and not (following.text or following.tool_calls)
            unanswered = following is not None and (following.role == "user" or silent)
            if entry.role == "user" and unanswered:
                continue
            sent.append(entry.message())
        return tuple(sent)

    def _answer(self, question: Entry, model: str) -> Turn:
        messages = self.messages_to(question.id)
        answer = Entry("assistant", parent_id=question.id, model=model, state="coming")
        return Turn(messages, self.add(answer))

    def _shown(self, entry: Entry) -> Shown:
        versions = self._children[entry.parent_id]
        place = versions.index(entry.id)
        older = versions[place - 1] if place else None
        newer = versions[place + 1] if place + 1 < len(versions) else None
        return Shown(entry, place + 1, len(versions), older, newer)

    def _latest_below(self, message_id: str | None) -> str | None:
        """The latest of a message and all that came after it, as the room chooses it."""
        while children := self._children.get(message_id):
            message_id = children[-1]
        return message_id


def _check_attached(images: Sequence[Image], files: Sequence[TextFile]) -> None:
    size = sum(len(image.data_url) for image in images) + sum(len(file.text) for file in files)
    if size > MOST_ATTACHED_CHARS:
        raise ChatError("That is too much for one question.", "Attach fewer or smaller files.")
