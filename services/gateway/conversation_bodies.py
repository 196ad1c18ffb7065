"""What `/lectern/conversations` takes and gives, as JSON.

Owns field names, types and the bounds that one field has by itself. An unknown field is refused:
a misspelt one would be lost without a word. Times are UTC, sizes bytes of UTF-8.
"""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

from gateway.model_settings import (
    BoundedSettings,
    Count,
    Extra,
    Finite,
    LongText,
    MessageId,
    ModelName,
    ModelSettings,
    Open,
    Strict,
    SystemPrompt,
    Title,
    at_most,
)
from gateway.room_limits import (
    MAX_PART_BYTES,
    MAX_PARTS,
    MAX_USAGE_BYTES,
)


class Role(StrEnum):
    SYSTEM = "system"
    USER = "user"
    ASSISTANT = "assistant"
    TOOL = "tool"


class ContentPart(Open):
    """One part of a message, as OpenAI names them: text, image_url, …; kept as it came."""

    type: Annotated[str, Field(min_length=1, max_length=50)]


BoundedPart = Annotated[ContentPart, at_most(MAX_PART_BYTES)]
Parts = Annotated[list[BoundedPart], Field(min_length=1, max_length=MAX_PARTS)]
Content = LongText | Parts


class Usage(Open):
    """Tokens as the model server counted them; more detailed counts are kept."""

    prompt_tokens: Count | None = None
    completion_tokens: Count | None = None
    total_tokens: Count | None = None


class Numbers(Strict):
    """What was measured while an answer was made."""

    time_to_first_token_s: Finite | None = None
    tokens_per_second: Finite | None = None
    duration_s: Finite | None = None
    usage: Annotated[Usage, at_most(MAX_USAGE_BYTES)] | None = None
    finish_reason: Annotated[str, Field(max_length=50)] | None = None


class Answered(Strict):
    """The part of a message that a model may still be writing."""

    content: Content
    reasoning: LongText | None = None
    model: ModelName | None = None
    numbers: Numbers | None = None
    extra: Extra | None = Field(None, description="what a UI keeps with it: tool calls, files …")
    finished: bool = Field(True, description="false: the answer may be replaced until it is true")


class NewSibling(Answered):
    """Another version of a message: an edited question, a regenerated answer."""

    id: MessageId | None = Field(None, description="your own id makes a repeated call harmless")
    activate: bool = Field(True, description="make it the end of the path that is shown")


class NewMessage(NewSibling):
    """A message to add."""

    role: Role
    parent_id: MessageId | None = Field(
        None, description="the message it follows; null: a new first one; left out: the active leaf"
    )


Feedback = Literal["up", "down"]


class Message(BaseModel):
    """One message of the tree."""

    id: str
    parent_id: str | None
    role: Role
    content: str | list[dict[str, Any]]
    reasoning: str | None
    model: str | None
    numbers: dict[str, Any] | None
    extra: dict[str, Any] | None
    finished: bool
    feedback: Feedback | None = Field(description="a thumb that the owner gave the answer")
    created_at: datetime


class NewConversation(Strict):
    """A conversation to begin. Without a title its first question becomes the title."""

    title: Title = ""
    system_prompt: SystemPrompt | None = None
    settings: BoundedSettings = ModelSettings()
    pinned: bool = False


class ConversationChange(Strict):
    """The fields to change; the others stay."""

    title: Annotated[Title, Field(min_length=1)] = ""
    system_prompt: SystemPrompt | None = None
    settings: BoundedSettings = ModelSettings()
    pinned: bool = False


class Summary(BaseModel):
    """A conversation as a list shows it."""

    id: str
    title: str
    pinned: bool
    version: int
    message_count: int
    size_bytes: int
    created_at: datetime
    updated_at: datetime = Field(description="when a message was last added or completed")
    deleted_at: datetime | None
    undo_until: datetime | None = Field(description="a deleted one can be restored until then")
    origin: str | None = Field(description="where it was imported from")


class Listed(Summary):
    day: date = Field(description="`updated_at` as a day at the given offset")


class ConversationPage(BaseModel):
    """Pinned ones first, then the latest; `next_cursor` is null on the last page."""

    conversations: list[Listed]
    next_cursor: str | None


class Conversation(Summary):
    """A conversation with its whole tree. `active_path` is what to show, first message first."""

    system_prompt: str | None
    settings: dict[str, Any]
    active_leaf: str | None
    active_path: list[str]
    messages: list[Message] = Field(description="parents before children, siblings in order")


class Added(BaseModel):
    """A message that was added or changed, and the conversation's new version."""

    message: Message
    version: int
    active_leaf: str | None
    title: str


class Thumb(Strict):
    """What the owner thinks of an answer; null takes it back."""

    feedback: Feedback | None


class Leaf(Strict):
    """Any message: the path shown goes through it, down to its latest descendant."""

    message_id: MessageId


class LeafChosen(BaseModel):
    version: int
    active_leaf: str
    active_path: list[str]


class Hit(BaseModel):
    """A conversation that was found. `snippet` is HTML: escaped text with <mark> around matches."""

    conversation: Summary
    message_id: str | None = Field(description="null: found in the title")
    snippet: str


class Hits(BaseModel):
    hits: list[Hit]
    more: bool = Field(description="there are more than `limit`")


ExportFormat = Literal["json", "markdown"]
ImportFormat = Literal["lectern", "chatgpt", "open_webui"]


class LeftOut(BaseModel):
    what: str
    count: int


class ImportReport(BaseModel):
    """What an import made, and what it did not."""

    format: ImportFormat
    conversations: int
    messages: int
    duplicates: int = Field(description="conversations that were here already")
    left_out: list[LeftOut]
    ids: list[str] = Field(description="the new conversations")
