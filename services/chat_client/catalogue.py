"""Which chat models the server has, and what is known about each.

Owns: the three catalogue routes (LM Studio's /api/v1/models, the older /api/v0/models, OpenAI's
/v1/models), newest first, and their translation into Model. Field names: LM Studio's REST docs,
https://lmstudio.ai/docs/developer/rest/list.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

import httpx

from chat_client import diagnosis
from chat_client.connection import lookup_connection
from chat_client.errors import ChatError
from chat_client.key_rights import ask_rights
from chat_client.settings import ChatSettings


@dataclass(frozen=True, slots=True)
class Model:
    """One chat model; None stands for what the server does not tell.

    `id` is what to ask for: of a loaded model its instance. `context_length` is the window of the
    loaded instance, `max_context_length` what the model could take, both in tokens. `refused` is
    a sentence when this key may not use the model.
    """

    id: str
    name: str
    loaded: bool
    quantization: str | None = None
    context_length: int | None = None
    max_context_length: int | None = None
    size_bytes: int | None = None
    parameters: str | None = None
    vision: bool = False
    tools: bool = False
    reasoning: bool = False
    publisher: str | None = None
    reasoning_options: tuple[str, ...] = ()
    refused: str = ""

    @property
    def badges(self) -> tuple[str, ...]:
        """What the model can do beyond text."""
        has = {"vision": self.vision, "tools": self.tools, "reasoning": self.reasoning}
        return tuple(name for name, can in has.items() if can)

    @property
    def size(self) -> str:
        """For example `4.1 GB`; empty when it is not known."""
        if not self.size_bytes:
            return ""
        if self.size_bytes < 1e9:
            return f"{self.size_bytes / 1e6:,.0f} MB"
        return f"{self.size_bytes / 1e9:,.1f} GB"

    @property
    def label(self) -> str:
        """For example `lectern-101@q8_0 · Q8_0 · 1,024 tokens · loaded`."""
        parts = [self.id]
        if self.quantization:
            parts.append(self.quantization)
        if self.context_length:
            parts.append(f"{self.context_length:,} tokens")
        elif self.max_context_length:
            parts.append(f"up to {self.max_context_length:,} tokens")
        parts.append("loaded" if self.loaded else "not loaded")
        return " · ".join(parts)


@dataclass(frozen=True, slots=True)
class ModelGroup:
    """A heading of the picker and the models below it."""

    name: str
    models: tuple[Model, ...]


def grouped(models: Iterable[Model]) -> list[ModelGroup]:
    """Loaded ones, then those that would be loaded first; a group without models is left out."""
    known = tuple(models)
    groups = (
        ModelGroup("Loaded", tuple(model for model in known if model.loaded)),
        ModelGroup("Available", tuple(model for model in known if not model.loaded)),
    )
    return [group for group in groups if group.models]


def vision_problem(model: Model | None) -> str | None:
    """Why pictures cannot go to this model, as a sentence; None when they can."""
    if model is None or model.vision:
        return None
    return f"{model.name} cannot see pictures. Choose one with the badge vision, or remove them."


async def list_models(settings: ChatSettings) -> list[Model]:
    """The server's chat models, loaded ones first; raises ChatError when it cannot tell."""
    async with lookup_connection(settings) as client:
        for path, read in (
            ("/api/v1/models", _from_v1_native),
            ("/api/v0/models", _from_v0_native),
            ("/v1/models", _from_openai),
        ):
            entries = await _entries(client, path, settings)
            if entries is not None:
                models = [model for entry in entries for model in read(entry)]
                models = await _marked(models, client, settings)
                return sorted(models, key=lambda model: not model.loaded)
    raise ChatError(
        f"{settings.root_url} answers, but has no list of models.",
        f"Check that {settings.url_variable} is the address of LM Studio or of a server like it.",
    )


async def _marked(
    models: list[Model], client: httpx.AsyncClient, settings: ChatSettings
) -> list[Model]:
    """The same with a sentence at each that the key may not use; LM Studio tells none."""
    rights = await ask_rights(client) if models and settings.llm_url else None
    if rights is None:
        return models
    return [replace(model, refused=rights.refusal(model.id)) for model in models]


async def _entries(
    client: httpx.AsyncClient, path: str, settings: ChatSettings
) -> list[dict[str, Any]] | None:
    """The route's list, or None where the server has no such route (LM Studio says so with 200)."""
    try:
        response = await client.get(path)
    except httpx.HTTPError as error:
        raise diagnosis.from_transport(error, settings, started=False) from error
    if response.status_code in {401, 403}:
        raise diagnosis.from_server("", response.status_code, settings)
    try:
        body = response.json()
    except ValueError:
        return None
    if response.status_code != 200 or diagnosis.error_text(body) is not None:
        return None
    entries = body.get("models", body.get("data")) if isinstance(body, dict) else None
    return [e for e in entries if isinstance(e, dict)] if isinstance(entries, list) else None


def _from_v1_native(entry: dict[str, Any]) -> list[Model]:
    """One Model for each loaded instance, else one for the model on disk."""
    if entry.get("type") != "llm" or not entry.get("key"):
        return []
    quantization = entry.get("quantization") or {}
    capabilities = entry.get("capabilities") or {}
    options = (capabilities.get("reasoning") or {}).get("allowed_options") or []
    instances = entry.get("loaded_instances") or []
    return [
        Model(
            id=str(instance.get("id") or entry["key"]),
            name=str(entry.get("display_name") or entry["key"]),
            loaded=bool(instances),
            quantization=quantization.get("name"),
            context_length=(instance.get("config") or {}).get("context_length"),
            max_context_length=entry.get("max_context_length"),
            size_bytes=entry.get("size_bytes"),
            parameters=entry.get("params_string"),
            vision=bool(capabilities.get("vision")),
            tools=bool(capabilities.get("trained_for_tool_use")),
            reasoning=bool(capabilities.get("reasoning")),
            publisher=entry.get("publisher"),
            reasoning_options=tuple(str(option) for option in options),
        )
        for instance in (instances or [{}])
    ]


def _from_v0_native(entry: dict[str, Any]) -> list[Model]:
    if entry.get("type") not in {"llm", "vlm"} or not entry.get("id"):
        return []
    return [
        Model(
            id=str(entry["id"]),
            name=str(entry["id"]),
            loaded=entry.get("state") == "loaded",
            quantization=entry.get("quantization"),
            context_length=entry.get("loaded_context_length"),
            max_context_length=entry.get("max_context_length"),
            vision=entry.get("type") == "vlm",
            publisher=entry.get("publisher"),
            tools="tool_use" in (entry.get("capabilities") or []),
        )
    ]


def _from_openai(entry: dict[str, Any]) -> list[Model]:
    """OpenAI's list tells neither type nor state: embedding models go by their name."""
    name = str(entry.get("id") or "")
    if not name or "embed" in name.lower():
        return []
    return [Model(id=name, name=name, loaded=True)]
