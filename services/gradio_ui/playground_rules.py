"""Who is asked in the playground, and how: the values of the widgets that decide it.

Owns their order and number, and what they are set to: by a demo, and on a page that was loaded
anew by what the browser has kept of them.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import gradio as gr

from chat_client import Asked, ChatError, Demo, Model, Sampling

MOST = 4
CONTESTANT = 3  # widgets of one: model, temperature, seed
RULES = 3 + MOST * CONTESTANT  # how many, blind, mark, and the contestants
Updates = tuple[Any, ...]


def contestant(values: Sequence[Any], base: Sampling) -> Asked:
    """One as its widgets say; raises ChatError."""
    model, temperature, seed = values
    if not model:
        raise ChatError("Choose a model for each contestant.")
    text = str(seed or "").strip()
    if text and not text.isdigit():
        raise ChatError("Seed must be a whole number.")
    sampling = replace(base, temperature=temperature, seed=int(text) if text else base.seed)
    sampling.request()
    return Asked(model, sampling)


def rules_of(demo: Demo) -> Updates:
    """The page's widgets as a demo wants them."""
    widgets: list[Any] = [len(demo.asked), demo.blind, demo.mark]
    for number in range(MOST):
        if number >= len(demo.asked):
            widgets += [gr.skip()] * CONTESTANT
            continue
        each = demo.asked[number]
        seed = "" if each.sampling.seed is None else str(each.sampling.seed)
        widgets += [each.model, each.sampling.temperature, seed]
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
        _, temperature, seed = rules[start : start + CONTESTANT]
        number = isinstance(temperature, (int, float)) and 0 <= temperature <= 2
        if not number or not isinstance(seed, str):
            return []
    return [rules[0], rules[1] is True, rules[2] is True, *rules[3:]]
