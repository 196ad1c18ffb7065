"""What the person has set: the model and how it is asked.

Owns: the value that the side panel hands to the chat. How it is drawn is the panel's.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from chat_client import Model, Sampling


@dataclass(frozen=True)
class Choice:
    """`model` is the id to ask for, None while there is none to choose; `facts` tells about it.

    `system_prompt` is None in a mode without settings: a chat's own ones then stay as they are.
    """

    model: str | None
    sampling: Sampling
    system_prompt: str | None
    facts: Model | None = None
    others: tuple[Model, ...] = ()  # What this key may use besides.

    def of(self, model: Model) -> Choice:
        """The same settings for another model."""
        return replace(self, model=model.id, facts=model)
