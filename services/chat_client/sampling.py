"""How a model is asked to pick its tokens: the values and how they go into a request.

Owns: Sampling, its translation into OpenAI's fields and LM Studio's further ones, and its form in
presets and conversations. Only what was set is sent. Limits and words are in `sampling_fields`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from chat_client.errors import ChatError
from chat_client.sampling_fields import SAMPLING_FIELDS, sampling_problem

# OpenAI's SDK knows no arguments for these; LM Studio reads them beside the others. min_p is
# documented for its native chat route only and harmless elsewhere.
EXTRA_FIELDS = ("top_k", "min_p", "repeat_penalty")


@dataclass(frozen=True, slots=True)
class Sampling:
    """None stands for what is left to the server, `()` for no stop strings."""

    temperature: float | None = None
    top_p: float | None = None
    max_tokens: int | None = None
    top_k: int | None = None
    min_p: float | None = None
    repeat_penalty: float | None = None
    seed: int | None = None
    stop: tuple[str, ...] = ()
    reasoning_effort: str | None = None
    json_schema: Mapping[str, Any] | None = None

    def settings(self) -> dict[str, Any]:
        """What was set, under the names by which presets and conversations keep it."""
        set_values = {field.name: getattr(self, field.name) for field in fields(self)}
        kept = {name: value for name, value in set_values.items() if value not in (None, ())}
        return kept | ({"stop": list(self.stop)} if self.stop else {})

    @classmethod
    def from_settings(cls, settings: Mapping[str, Any]) -> Sampling:
        """Reads what a preset or a conversation keeps; what is unknown or cannot be is left out."""
        given: dict[str, Any] = {}
        for field in SAMPLING_FIELDS:
            value = settings.get(field.name)
            if field.name == "stop" and isinstance(value, (str, list)):
                value = (value,) if isinstance(value, str) else tuple(value)
            if value is not None and sampling_problem(field.name, value) is None:
                given[field.name] = value
        return cls(**given)

    def request(self) -> dict[str, Any]:
        """The arguments for the openai SDK; raises ChatError for a value that cannot be."""
        values = self.settings()
        for name, value in values.items():
            problem = sampling_problem(name, value)
            if problem:
                raise ChatError(problem, "Change it in the settings, then ask again.")
        schema = values.pop("json_schema", None)
        if schema is not None:
            values["response_format"] = {
                "type": "json_schema",
                "json_schema": {"name": "answer", "strict": True, "schema": dict(schema)},
            }
        extra = {name: values.pop(name) for name in EXTRA_FIELDS if name in values}
        return values | ({"extra_body": extra} if extra else {})


SUGGESTED = Sampling.from_settings({field.name: field.suggested for field in SAMPLING_FIELDS})
