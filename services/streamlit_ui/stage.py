"""What stands on the presenter's stage: the step, its answers so far, and the one under way.

Owns: this session's place in the deck and the answers of each step. Nothing of it is kept in the
gateway: a talk is rehearsed many times. How it looks is `presenter_page`'s.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import streamlit as st

from chat_client import SUGGESTED, ChatError, Dialogue, Model, Sampling
from chat_client.reply import Reply
from streamlit_ui.conversation import Conversation
from streamlit_ui.deck import Prompt, Step
from streamlit_ui.resources import chat_settings


@dataclass
class Scene:
    """One prompt that was asked in a step, and its answer."""

    prompt: Prompt
    reply: Reply


@dataclass
class Stage:
    """The talk so far, of one browser session."""

    steps: tuple[Step, ...]
    scenes: dict[int, list[Scene]] = field(default_factory=dict)

    @property
    def number(self) -> int:
        """The step that the address names, from 1."""
        wanted = st.query_params.get("step", "1")
        number = int(wanted) if wanted.isdecimal() and len(wanted) < 5 else 1
        return min(max(number, 1), len(self.steps))

    @property
    def step(self) -> Step:
        return self.steps[self.number - 1]

    @property
    def here(self) -> list[Scene]:
        """What was asked in this step."""
        return self.scenes.setdefault(self.number, [])

    @property
    def under_way(self) -> Reply | None:
        return next((scene.reply for scene in self.here if scene.reply.open), None)

    @property
    def next_prompt(self) -> Prompt | None:
        """The first prompt of the step that was not asked yet."""
        asked = sum(scene.prompt in self.step.prompts for scene in self.here)
        return self.step.prompts[asked] if asked < len(self.step.prompts) else None

    def go(self, number: int) -> None:
        """Shows another step; what is under way in this one is stopped."""
        self.stop()
        st.query_params["step"] = str(min(max(number, 1), len(self.steps)))

    def stop(self) -> None:
        for scene in self.here:
            scene.reply.stop()

    def reset(self) -> None:
        """The step as nobody had asked anything in it."""
        self.stop()
        self.scenes[self.number] = []

    def start_over(self) -> None:
        self.stop()
        self.scenes.clear()
        self.go(1)

    def ask(self, prompt: Prompt, model: Model | None) -> None:
        """Asks in a chat of its own, so that an answer depends on its prompt alone."""
        self.stop()
        dialogue = Dialogue()
        try:
            turn = dialogue.ask(prompt.text, model.id if model else "")
        except ChatError:
            return
        sampling = _merged(prompt.sampling)
        load = model is not None and not model.loaded
        reply = Conversation(dialogue).begin(chat_settings(), turn, sampling, load=load)
        st.session_state["replies"] = [*st.session_state.get("replies", []), reply]
        self.here.append(Scene(prompt, reply))


def _merged(own: Sampling) -> Sampling:
    """What everybody is suggested, with the prompt's own settings on top."""
    return Sampling.from_settings(SUGGESTED.settings() | own.settings())
