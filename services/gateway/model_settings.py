"""Settings of a model as they are kept, and the bounded pieces that kept things are made of.

Owns their names, types and bounds. An unknown setting is kept: servers know more than this list.
"""

from __future__ import annotations

import json
from typing import Annotated, Any, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from gateway.room_limits import (
    MAX_EXTRA_BYTES,
    MAX_MODEL_CHARS,
    MAX_SETTINGS_BYTES,
    MAX_SYSTEM_PROMPT_CHARS,
    MAX_TITLE_CHARS,
)

T = TypeVar("T")


def clean(text: str) -> str:
    """The text without NUL, which PostgreSQL cannot store; nothing else changes."""
    return text.replace("\0", "\N{REPLACEMENT CHARACTER}")


def one_line(text: str) -> str:
    """A title or name: runs of white space become one space."""
    return " ".join(clean(text).split())


def json_size(document: object) -> int:
    """The bytes of UTF-8 that this takes as JSON; raises `ValueError` for what JSON lacks."""
    compact = json.dumps(document, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return len(compact.encode())


def at_most(limit: int) -> AfterValidator:
    def check(document: T) -> T:
        plain = document.given() if isinstance(document, Open) else document
        try:
            size = json_size(plain)
        except ValueError:
            raise ValueError("it holds a number that is not finite") from None
        if size > limit:
            raise ValueError(f"it takes more than {limit} bytes as JSON")
        return document

    return AfterValidator(check)


Title = Annotated[str, Field(max_length=MAX_TITLE_CHARS), AfterValidator(one_line)]
LongText = Annotated[str, AfterValidator(clean)]
SystemPrompt = Annotated[LongText, Field(max_length=MAX_SYSTEM_PROMPT_CHARS)]
ModelName = Annotated[
    str, Field(min_length=1, max_length=MAX_MODEL_CHARS), AfterValidator(one_line)
]
MessageId = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{8,40}$")]
Extra = Annotated[dict[str, Any], at_most(MAX_EXTRA_BYTES)]
Finite = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Count = Annotated[int, Field(ge=0, le=2**53)]
# JavaScript knows no larger exact integer.
Seed = Annotated[int, Field(ge=-(2**53), le=2**53)]


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Open(BaseModel):
    """Unknown fields are kept as they came."""

    model_config = ConfigDict(extra="allow")

    def given(self) -> dict[str, Any]:
        """Only the fields that were set."""
        return self.model_dump(exclude_unset=True)


class ModelSettings(Open):
    """How to ask a model; unknown fields are kept, for servers that know more than this list."""

    model: ModelName | None = None
    system_prompt: SystemPrompt | None = None
    temperature: Annotated[float, Field(ge=0, le=5)] | None = None
    top_p: Annotated[float, Field(ge=0, le=1)] | None = None
    top_k: Annotated[int, Field(ge=0, le=1_000_000)] | None = None
    min_p: Annotated[float, Field(ge=0, le=1)] | None = None
    repeat_penalty: Annotated[float, Field(ge=0, le=10)] | None = None
    seed: Seed | None = None
    max_tokens: Annotated[int, Field(ge=-1, le=10_000_000)] | None = None
    stop: list[Annotated[str, Field(max_length=500)]] | str | None = None
    reasoning_effort: Annotated[str, Field(max_length=20)] | None = None
    json_schema: dict[str, Any] | None = None


BoundedSettings = Annotated[ModelSettings, at_most(MAX_SETTINGS_BYTES)]
