"""What goes along with the next question: pictures and texts that a person has brought.

Owns: reading what has arrived, its bounds for one question, and the sentence for what cannot go.
"""

from __future__ import annotations

from dataclasses import dataclass

from chat_client import ChatError, Image, Model, RoomFile, TextFile, read_attachment, vision_problem

MOST_FILES = 10
MOST_CHARS = 7_500_000  # what the room keeps of one question
TOO_MANY = f"{MOST_FILES} files go along with a question at most."
TOO_MUCH = "That is too much for one question. Attach fewer or smaller files."


@dataclass(frozen=True, slots=True)
class Attached:
    """The files in the order in which they came; `trouble` tells of those that were refused."""

    items: tuple[Image | TextFile, ...] = ()
    trouble: str = ""

    @property
    def images(self) -> tuple[Image, ...]:
        return tuple(each for each in self.items if isinstance(each, Image))

    @property
    def files(self) -> tuple[TextFile, ...]:
        return tuple(each for each in self.items if isinstance(each, TextFile))

    def unseen(self, model: Model | None) -> str:
        """Why these cannot go to this model; empty when they can."""
        return (vision_problem(model) or "") if self.images else ""

    async def with_file(self, file: RoomFile) -> Attached:
        """These and one more; a file that cannot be read changes only what is told."""
        if len(self.items) >= MOST_FILES:
            return self.telling(TOO_MANY)
        try:
            item = await read_attachment(file.name, file.data)
        except ChatError as error:
            return self.telling(str(error))
        items = (*self.items, item)
        if sum(_chars(each) for each in items) > MOST_CHARS:
            return self.telling(TOO_MUCH)
        return Attached(items, self.trouble)

    def without(self, number: int) -> Attached:
        """These without one, and without what was told."""
        return Attached(self.items[:number] + self.items[number + 1 :])

    def telling(self, sentence: str) -> Attached:
        """The same with a sentence more."""
        told = [self.trouble] if self.trouble and self.trouble != sentence else []
        return Attached(self.items, " ".join([*told, sentence]))


def _chars(item: Image | TextFile) -> int:
    return len(item.data_url if isinstance(item, Image) else item.text)
