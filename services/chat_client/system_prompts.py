"""The library of system prompts: a few that come with Lectern, and those that a key has kept.

Owns what is in it. A kept prompt is a preset that sets nothing but `system_prompt`, so the room
needs no second kind of thing; lists of presets leave those out. How it is shown is each UI's.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from chat_client.errors import ChatError
from chat_client.room import Room
from chat_client.room_values import Preset


@dataclass(frozen=True, slots=True)
class SystemPrompt:
    """A prompt under a name; `preset` is where it is kept, None for those that come along."""

    id: str
    name: str
    text: str
    preset: Preset | None = None

    @property
    def mine(self) -> bool:
        """True when this key may change and delete it."""
        return self.preset is not None and self.preset.mine

    @property
    def label(self) -> str:
        other = self.preset is not None and not self.preset.mine
        return f"{self.name} (from {self.preset.owner})" if other and self.preset else self.name


BUILT_IN_PROMPTS = (
    SystemPrompt(
        "built-in-helper",
        "Plain helper",
        "You are a helpful assistant. Answer in short, plain sentences. "
        "When you do not know something, say so instead of guessing.",
    ),
    SystemPrompt(
        "built-in-simply",
        "Explain simply",
        "Explain everything to a curious twelve-year-old: everyday words, one small example, "
        "no technical term without saying what it means.",
    ),
    SystemPrompt(
        "built-in-json",
        "Strict JSON",
        "Answer with one JSON object and nothing else: no words before or after it, no code fence. "
        'Put the answer into the field "answer" and your doubts into the list "doubts".',
    ),
    SystemPrompt(
        "built-in-questions",
        "Teacher who asks",
        "Never give the answer at once. Ask one short question that leads to it, wait for the "
        "reply, and go on from there.",
    ),
    SystemPrompt(
        "built-in-pirate",
        "Pirate",
        "You are a friendly pirate. Answer correctly, in the words of the seven seas.",
    ),
)


def is_prompt(preset: Preset) -> bool:
    """True for a preset that belongs into the library and not among the settings."""
    settings = {name for name, value in preset.settings.items() if value is not None}
    return settings == {"system_prompt"}


def prompt_library(presets: Iterable[Preset]) -> list[SystemPrompt]:
    """One's own prompts first, then those that others share, then those that come along."""
    kept = [
        SystemPrompt(each.id, each.name, str(each.settings["system_prompt"]), each)
        for each in presets
        if is_prompt(each)
    ]
    return [*kept, *BUILT_IN_PROMPTS]


async def keep_prompt(room: Room, name: str, text: str) -> str:
    """Keeps a prompt and returns its id; one's own of the same name is replaced.

    Raises ChatError, also for a name or a text that says nothing.
    """
    name = " ".join(name.split())
    if not name:
        raise ChatError("Give the prompt a name first.")
    if not text.strip():
        raise ChatError("The system prompt is empty.", "Write one, then save it.")
    settings = {"system_prompt": text.strip()}
    for prompt in prompt_library(await room.presets()):
        if prompt.preset is not None and prompt.mine and prompt.name == name:
            return (await room.change_preset(prompt.preset, settings=settings)).id
    return (await room.create_preset(name, settings)).id
