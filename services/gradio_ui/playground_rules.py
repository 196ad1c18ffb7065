"""Who is asked in the playground, and how: the values of the widgets that decide it.

Owns their order and number, and what they are set to: by a demo, and on a page that was loaded
anew by what the browser has kept of them.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import gradio as gr

from chat_client import SAMPLING_FIELDS, Asked, ChatError, Demo, Model, SamplingField
from chat_client.sampling_fields import sampling_problem
from gradio_ui.controls import read_sampling, widget_values

MOST = 4
CONTESTANT = 1 + len(SAMPLING_FIELDS)  # widgets of one: the model and its settings
RULES = 3 + MOST * CONTESTANT  # how many, blind, mark, and the contestants
CHANGE_IT = "Change it, then ask again."
Updates = tuple[Any, ...]


def contestants(rules: Sequence[Any]) -> list[Asked]:
    """Everybody who is asked, as the widgets say; raises ChatError."""
    asked = []
    for number in range(int(rules[0])):
        start = 3 + number * CONTESTANT
        model, *settings = rules[start : start + CONTESTANT]
        if not model:
            raise ChatError("Choose a model for each contestant.")
        sampling, problem = read_sampling(settings)
        if problem is not None:
            raise ChatError(f"Model {number + 1}: {problem.message}", CHANGE_IT)
        asked.append(Asked(model, sampling))
    return asked


def rules_of(demo: Demo) -> Updates:
    """The page's widgets as a demo wants them."""
    widgets: list[Any] = [len(demo.asked), demo.blind, demo.mark]
    for number in range(MOST):
        if number >= len(demo.asked):
            widgets += [gr.skip()] * CONTESTANT
            continue
        each = demo.asked[number]
        widgets += [each.model, *widget_values(each.sampling.settings())]
    return tuple(widgets)


def offered_rules(models: Sequence[Model], values: Sequence[Any], kept: str) -> Updates:
    """The widgets with these models to choose from: as they are, or as the browser has kept them.

    A model that is not there any more gives way to another one.
    """
    rules = _read(kept)
    ids, choices = [model.id for model in models], [(model.label, model.id) for model in models]
    updates: list[Any] = rules[:3] if rules else [gr.skip()] * 3
    for number in range(MOST):
        start = 3 + number * CONTESTANT
        picked, *rest = (rules or values)[start : start + CONTESTANT]
        if picked not in ids:
            picked = ids[number % len(ids)] if ids else None
        updates.append(gr.update(choices=choices, value=picked))
        updates += rest if rules else [gr.skip()] * len(rest)
    return tuple(updates)


def _read(kept: str) -> list[Any]:
    """What the browser has kept, if it can be what these widgets hold; else nothing."""
    try:
        rules = json.loads(kept)
    except ValueError:
        return []
    if not (isinstance(rules, list) and len(rules) == RULES and rules[0] in range(2, MOST + 1)):
        return []
    for start in range(3, RULES, CONTESTANT):
        settings = rules[start + 1 : start + CONTESTANT]
        if not all(map(_holds, SAMPLING_FIELDS, settings)):
            return []
    return [rules[0], rules[1] is True, rules[2] is True, *rules[3:]]


def _holds(field: SamplingField, value: Any) -> bool:
    """True for what a setting's widget can hold, also before it makes sense."""
    if field.kind == "slider" and field.suggested is not None:
        return sampling_problem(field.name, value) is None
    return isinstance(value, str) and (field.kind != "choice" or value in ("", *field.choices))
