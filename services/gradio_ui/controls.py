"""The settings beside the chat: model, sampling, system prompt; each with one plain sentence.

Owns the widgets and how their values become what `chat_client` is asked. It listens to nothing:
`page` wires it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

import gradio as gr

from chat_client import SUGGESTED, Model, Sampling

MAX_SYSTEM_PROMPT_CHARS = 20_000


@dataclass(frozen=True)
class Controls:
    """The widgets whose values go with each question, in the order of `values`."""

    model: gr.Dropdown
    facts: gr.HTML
    refresh: gr.Button
    temperature: gr.Slider
    top_p: gr.Slider
    max_tokens: gr.Number
    system: gr.Textbox

    @property
    def values(self) -> list[gr.components.Component]:
        return [self.model, self.temperature, self.top_p, self.max_tokens, self.system]


def make_controls() -> Controls:
    """Builds the widgets inside the layout block that is open right now."""
    model = gr.Dropdown(
        label="Model",
        info="Who answers. A loaded model starts at once, others are loaded first.",
        choices=[],
        elem_id="model",
    )
    facts = gr.HTML("", elem_id="facts", padding=False)
    refresh = gr.Button("Look for models again", size="sm", elem_id="refresh")
    system = gr.Textbox(
        label="System prompt",
        info="Said to the model before the conversation: a role, a tone, a rule.",
        placeholder="You are a patient teacher.",
        lines=3,
        max_lines=8,
        max_length=MAX_SYSTEM_PROMPT_CHARS,
        elem_id="system",
    )
    temperature = gr.Slider(
        0.0,
        2.0,
        value=SUGGESTED.temperature,
        step=0.05,
        label="Temperature",
        info="0 always takes the likeliest token; higher lets unlikely ones in.",
        elem_id="temperature",
    )
    top_p = gr.Slider(
        0.05,
        1.0,
        value=SUGGESTED.top_p,
        step=0.05,
        label="top_p",
        info="Draws only among the likeliest tokens that together reach this share.",
        elem_id="top_p",
    )
    max_tokens = gr.Number(
        label="Max tokens",
        value=0,
        precision=0,
        info="The answer ends after so many tokens, finished or not; 0 sets no limit.",
        elem_id="max_tokens",
    )
    return Controls(model, facts, refresh, temperature, top_p, max_tokens, system)


def model_facts(model: Model | None) -> str:
    """What is known of the picked model, as one line of safe HTML."""
    if model is None:
        return ""
    window = model.context_length or model.max_context_length
    parts = [
        "Loaded" if model.loaded else "Not loaded yet",
        model.quantization,
        model.parameters and f"{model.parameters} parameters",
        window and f"context {window:,} tokens",
    ]
    return escape(" · ".join(part for part in parts if part))


@dataclass(frozen=True)
class Choices:
    """What the widgets say about the next question."""

    model: str
    sampling: Sampling
    system: str


def read_choices(values: Sequence[Any]) -> Choices:
    """The widgets' values in the order of `Controls.values`; an empty or zero limit means none."""
    model, temperature, top_p, max_tokens, system = values
    limit = int(max_tokens) if max_tokens and max_tokens >= 1 else None
    sampling = Sampling(temperature=float(temperature), top_p=float(top_p), max_tokens=limit)
    return Choices(model or "", sampling, (system or "").strip())
