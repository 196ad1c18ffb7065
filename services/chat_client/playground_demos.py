"""Comparisons that teach something, ready to be asked with one click.

Owns: what each demo shows, its settings and prompt, and why one is not possible with the models
that are there.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from chat_client.catalogue import Model
from chat_client.playground import Asked
from chat_client.sampling import Sampling

LAB_SEED = 42


@dataclass(frozen=True, slots=True)
class Demo:
    """Ask `prompt` of `asked`; `problem` says why that cannot be done here, or is empty."""

    name: str
    what: str
    prompt: str
    asked: tuple[Asked, ...] = ()
    blind: bool = False
    mark: bool = False  # Show where the answers part.
    problem: str = ""


def demos(models: Sequence[Model], chosen: Model | None = None) -> list[Demo]:
    """All of them for these models; `chosen` is the one to show temperature on."""
    usable = [model for model in models if not model.refused]
    first = chosen if chosen in usable else next(iter(usable), None)
    return [_temperature(first), _quantization(usable), _two_models(usable, first)]


def _temperature(model: Model | None) -> Demo:
    return Demo(
        "Temperature 0 against 1.5",
        "The same model, once always with its likeliest token and once daring.",
        "Tell me a story about a fox.",
        tuple(Asked(model.id, Sampling(temperature=t, seed=LAB_SEED)) for t in (0.0, 1.5))
        if model
        else (),
        problem="" if model else "There is no model to ask.",
    )


def _quantization(models: Sequence[Model]) -> Demo:
    """The widest pair of one model: same seed, temperature 0, so only the weights differ."""
    families: dict[str, list[Model]] = {}
    for model in models:
        if model.quantization:
            families.setdefault(_family(model), []).append(model)
    pairs = [
        (min(family, key=_bits), max(family, key=_bits))
        for family in families.values()
        if len({_bits(model) for model in family}) > 1
    ]
    pair = max(pairs, key=lambda two: _bits(two[1]) - _bits(two[0]), default=None)
    name = f"{pair[0].quantization} against {pair[1].quantization}" if pair else "Q4_0 against F16"
    return Demo(
        name,
        "The same model with small and with exact weights: same seed, temperature 0.",
        "Tell me a story about a fox.",
        tuple(Asked(m.id, Sampling(temperature=0.0, seed=LAB_SEED)) for m in pair) if pair else (),
        mark=True,
        problem="" if pair else "It needs one model in two quantizations; load both first.",
    )


def _two_models(models: Sequence[Model], first: Model | None) -> Demo:
    other = next(
        (m for m in models if first and m.id != first.id and _family(m) != _family(first)), None
    ) or next((m for m in models if first and m.id != first.id), None)
    both = (first, other) if first and other else ()
    return Demo(
        "Two models, names hidden",
        "Which one answers better? Vote first, then see who it was.",
        "What is a token?",
        tuple(Asked(model.id, Sampling(temperature=0.7)) for model in both),
        blind=True,
        problem="" if both else "It needs two models; load a second one first.",
    )


def _family(model: Model) -> str:
    """The model's id without its quantization: `lectern-101@q4_0` is of `lectern-101`."""
    bare = model.id.lower().split("@")[0]
    return bare.replace((model.quantization or "\0").lower(), "").strip("-_.:/ ")


def _bits(model: Model) -> float:
    """Roughly how many bits a weight has: 4 for Q4_K_M, 16 for F16."""
    found = re.search(r"\d+", model.quantization or "")
    return float(found.group()) if found else 0.0
