"""The settings beside the chat: model, system prompt, sampling; each with one plain sentence.

Owns the widgets, which of the three modes shows which, and how their values become what
`chat_client` is asked. It listens to nothing: `page` wires it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import gradio as gr

from chat_client import (
    SAMPLING_FIELDS,
    SUGGESTED,
    ChatError,
    Sampling,
    SamplingField,
    read_json_schema,
    read_stop,
)
from gradio_ui.page_scripts import CHOSEN
from gradio_ui.prompts import PromptPanel, make_prompt_panel

MAX_SYSTEM_PROMPT_CHARS = 20_000
LEFT_OUT = "left to the server"
NOT_SET = {"seed": "a new one each time"}
MODES = (("User", "user"), ("Power user", "power"), ("Developer", "developer"))
SETTINGS = 1 + len(SAMPLING_FIELDS)  # widgets of `Controls.settings`
RELOAD = "Reload the page, then ask again."
CHANGE_IT = "Change it in the settings, then ask again."


@dataclass(frozen=True)
class Controls:
    """The widgets whose values go with each question, in the order of `values`.

    `chosen` holds all of them as JSON and stays in step (`wire_controls`): the browser copies the
    state of every part that an event takes in, which would hold up each question.
    """

    model: gr.Dropdown
    facts: gr.HTML
    refresh: gr.Button
    system: gr.Textbox
    prompts: PromptPanel
    fields: tuple[gr.components.Component, ...]
    chosen: gr.Textbox

    @property
    def settings(self) -> list[gr.components.Component]:
        """What a preset or a kept chat sets."""
        return [self.system, *self.fields]

    @property
    def values(self) -> list[gr.components.Component]:
        return [self.model, *self.settings]


@dataclass(frozen=True)
class Choices:
    """What the widgets say about the next question; `problem` is what is wrong with them."""

    model: str
    sampling: Sampling
    system: str
    problem: ChatError | None = None


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
        visible=False,
        elem_id="system",
    )
    prompts = make_prompt_panel()
    fields = tuple(
        setting_widget(field, visible=False, elem_id=field.name) for field in SAMPLING_FIELDS
    )
    values = [None, "", *widget_values({})]
    chosen = gr.Textbox(json.dumps(values), visible=False, label="Settings")
    return Controls(model, facts, refresh, system, prompts, fields, chosen)


def wire_controls(controls: Controls) -> None:
    """Keeps `chosen` in step, in the browser alone: what is set counts for an Enter right after."""
    for widget in controls.values:
        widget.change(None, controls.values, [controls.chosen], js=CHOSEN)  # type: ignore[attr-defined]


def setting_widget(field: SamplingField, suffix: str = "", **more: Any) -> gr.components.Component:
    """A setting's widget; `suffix` ends its label where there are several of it on a page."""
    named: dict[str, Any] = {"label": field.label + suffix, "info": field.what} | more
    if field.kind == "slider" and field.suggested is not None:
        low, high = field.low or 0.0, field.high or 1.0
        return gr.Slider(low, high, value=field.suggested, step=field.step, **named)
    if field.kind in ("slider", "integer"):
        # Neither a slider nor Gradio's number box can be left empty: that one sends 0.
        placeholder = NOT_SET.get(field.name, LEFT_OUT)
        return gr.Textbox(value="", max_lines=1, placeholder=placeholder, **named)
    if field.kind == "choice":
        choices = [("Left to the server", ""), *((each, each) for each in field.choices)]
        return gr.Dropdown(choices=choices, value="", **named)
    if field.kind == "json":
        return gr.Textbox(
            value="", lines=3, max_lines=10, placeholder='{"type": "object", …}', **named
        )
    return gr.Textbox(value="", lines=2, max_lines=4, placeholder="none", **named)


def shown_settings(mode: str) -> tuple[dict[str, Any], ...]:
    """The settings' widgets in a mode; what it hides goes back to what is suggested."""
    level = next((each for _, each in MODES if each == mode), "user")
    first: dict[str, Any] = {"visible": level != "user"} | (
        {"value": ""} if level == "user" else {}
    )
    updates = [dict(gr.update(**first))]
    for field in SAMPLING_FIELDS:
        shown = field.shown_in(level)  # type: ignore[arg-type]  # one of MODES
        changes = {} if shown else {"value": _value(field, SUGGESTED.settings())}
        updates.append(dict(gr.update(visible=shown, **changes)))
    return tuple(updates)


def set_settings(settings: Mapping[str, Any], system: str) -> tuple[dict[str, Any], ...]:
    """The settings' widgets with the values of a preset or of a kept chat."""
    known = Sampling.from_settings(settings).settings()
    values = (system, *widget_values(known))
    return tuple(dict(gr.update(value=each)) for each in values)


def widget_values(settings: Mapping[str, Any]) -> list[Any]:
    """All settings as their widgets hold them, in the order of SAMPLING_FIELDS."""
    return [_value(field, settings) for field in SAMPLING_FIELDS]


def _value(field: SamplingField, settings: Mapping[str, Any]) -> Any:
    """A setting as its widget holds it."""
    value = settings.get(field.name)
    if field.kind == "lines":
        return "\n".join(each.replace("\n", "\\n") for each in value or ())
    if field.kind == "json":
        return json.dumps(value, indent=2, ensure_ascii=False) if value is not None else ""
    if field.kind == "choice":
        return value or ""
    if field.suggested is not None:
        return field.suggested if value is None else value
    return "" if value is None else f"{value:.12g}" if isinstance(value, float) else str(value)


def read_choices(chosen: str) -> Choices:
    """What `Controls.chosen` holds: the widgets' values as a JSON list."""
    values = _listed(chosen)
    if len(values) != 1 + SETTINGS:
        return Choices("", Sampling(), "", ChatError("The settings did not arrive.", RELOAD))
    model, system, *rest = values
    sampling, problem = read_sampling(rest)
    return Choices(str(model or ""), sampling, str(system or "").strip(), problem)


def read_sampling(values: Sequence[Any]) -> tuple[Sampling, ChatError | None]:
    """What the settings' widgets hold, and what is wrong with it."""
    given: dict[str, Any] = {}
    problem: ChatError | None = None
    for field, value in zip(SAMPLING_FIELDS, values, strict=True):
        try:
            given[field.name] = _read(field, value)
        except ValueError as error:
            problem = ChatError(str(error), CHANGE_IT)
    sampling = Sampling(**{name: value for name, value in given.items() if value is not None})
    try:
        sampling.request()
    except ChatError as error:
        problem = problem or error
    return sampling, problem


def _listed(chosen: str) -> list[Any]:
    """Plain values; what no page of ours sends is an empty list."""
    try:
        values = json.loads(chosen)
    except (TypeError, ValueError):
        return []
    plain = isinstance(values, list) and not any(isinstance(each, list | dict) for each in values)
    return values if plain else []


def _read(field: SamplingField, value: Any) -> Any:
    """A widget's value as `Sampling` takes it; None where it is left to the server."""
    if field.kind == "lines":
        return read_stop(str(value or ""))
    if field.kind == "json":
        return read_json_schema(str(value or ""))
    if value is None or not str(value).strip():
        return None
    return str(value) if field.kind == "choice" else _number(field, str(value).strip())


def _number(field: SamplingField, text: str) -> float | int:
    try:
        number = float(text)
        if field.kind == "slider":
            return number
        return int(text) if text.lstrip("-").isdigit() else number
    except ValueError:
        raise ValueError(f"{field.label} must be a number.") from None
