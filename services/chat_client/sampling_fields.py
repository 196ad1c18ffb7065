"""The settings of an answer as a person meets them: name, limits, and what each does.

Owns: the table that both web UIs draw, and the sentence for a value that cannot be. Limits are
those that LM Studio takes; the bounds of kept presets are the gateway's and wider.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

Kind = Literal["slider", "integer", "lines", "choice", "json"]
Mode = Literal["user", "power", "developer"]
MODES: tuple[Mode, ...] = ("user", "power", "developer")
LARGEST_SEED = 2**53  # the largest whole number that every JSON reader keeps exact
MOST_STOPS, LONGEST_STOP = 4, 500
LARGEST_SCHEMA = 24 * 1024  # characters; presets keep at most 32 KiB in all


@dataclass(frozen=True, slots=True)
class SamplingField:
    """One setting; `mode` is the first of the three modes that shows it.

    `suggested` is where a widget may stand at first; None: not set, left to the server.
    """

    name: str
    label: str
    what: str
    kind: Kind
    mode: Mode
    low: float | None = None
    high: float | None = None
    step: float | None = None
    suggested: float | None = None
    choices: tuple[str, ...] = ()

    def shown_in(self, mode: Mode) -> bool:
        return MODES.index(mode) >= MODES.index(self.mode)


SAMPLING_FIELDS: tuple[SamplingField, ...] = (
    SamplingField(
        "temperature",
        "Temperature",
        "How daring the pick of each token is: 0 takes the likeliest, above 1 gets wild.",
        "slider",
        "power",
        0.0,
        2.0,
        0.05,
        0.7,
    ),
    SamplingField(
        "top_p",
        "Top p",
        "Picks only among the likeliest tokens that together make up this share.",
        "slider",
        "power",
        0.05,
        1.0,
        0.05,
        0.95,
    ),
    SamplingField(
        "max_tokens",
        "Max tokens",
        "The answer ends after this many tokens, finished or not.",
        "integer",
        "power",
        1,
        1_000_000,
        1,
    ),
    SamplingField(
        "top_k",
        "Top k",
        "Picks only among this many of the likeliest tokens; 0 sets no limit.",
        "integer",
        "power",
        0,
        1_000,
        1,
    ),
    SamplingField(
        "min_p",
        "Min p",
        "Leaves out tokens less likely than this share of the likeliest one.",
        "slider",
        "developer",
        0.0,
        1.0,
        0.01,
    ),
    SamplingField(
        "repeat_penalty",
        "Repeat penalty",
        "Above 1 makes tokens that were used already less likely; too much makes odd sentences.",
        "slider",
        "power",
        0.5,
        2.0,
        0.05,
    ),
    SamplingField(
        "seed",
        "Seed",
        "The same seed, question and settings give the same answer again.",
        "integer",
        "developer",
        0,
        LARGEST_SEED,
        1,
    ),
    SamplingField(
        "stop",
        "Stop strings",
        f"The answer ends before any of these; one a line, {MOST_STOPS} at most.",
        "lines",
        "developer",
    ),
    SamplingField(
        "reasoning_effort",
        "Reasoning effort",
        "How long a model that can think does so before it answers; none switches it off.",
        "choice",
        "power",
        choices=("none", "minimal", "low", "medium", "high", "xhigh"),
    ),
    SamplingField(
        "json_schema",
        "JSON schema",
        "Makes the answer a JSON document of exactly this form.",
        "json",
        "developer",
    ),
)
FIELD_BY_NAME = {field.name: field for field in SAMPLING_FIELDS}


def sampling_problem(name: str, value: Any) -> str | None:
    """One sentence when this value cannot be used for the field of this name, else None."""
    field = FIELD_BY_NAME[name]
    if field.kind in ("slider", "integer"):
        return _number_problem(field, value)
    if field.kind == "choice":
        allowed = ", ".join(field.choices)
        return None if value in field.choices else f"{field.label} must be one of: {allowed}."
    if field.kind == "lines":
        return _stop_problem(value)
    return None if isinstance(value, Mapping) else f"{field.label} must be a JSON object."


def _number_problem(field: SamplingField, value: Any) -> str | None:
    whole = field.kind == "integer"
    right = isinstance(value, int if whole else (int, float)) and not isinstance(value, bool)
    if not right or not (field.low or 0) <= value <= (field.high or 0):
        number = "a whole number" if whole else "a number"
        return f"{field.label} must be {number} from {field.low:,g} to {field.high:,g}."
    return None


def _stop_problem(value: Any) -> str | None:
    if not isinstance(value, (list, tuple)) or not all(isinstance(part, str) for part in value):
        return "Stop strings must be texts."
    if len(value) > MOST_STOPS:
        return f"There may be {MOST_STOPS} stop strings at most."
    if any(not part or len(part) > LONGEST_STOP for part in value):
        return f"A stop string must have 1 to {LONGEST_STOP} characters."
    return None


def read_stop(text: str) -> tuple[str, ...]:
    r"""The stop strings of a text box, one a line; `\n` in a line stands for a line break."""
    return tuple(line.replace("\\n", "\n") for line in text.splitlines() if line)


def read_json_schema(text: str) -> dict[str, Any] | None:
    """The schema of a text box, None when it is empty; raises ValueError with a sentence."""
    if not text.strip():
        return None
    if len(text) > LARGEST_SCHEMA:
        raise ValueError(f"The JSON schema may have {LARGEST_SCHEMA:,} characters at most.")
    try:
        schema = json.loads(text)
    except RecursionError:
        raise ValueError("The JSON schema is nested too deeply.") from None
    except json.JSONDecodeError as error:
        sentence = f"The JSON schema cannot be read: {error.msg} in line {error.lineno}."
        raise ValueError(sentence) from None
    if isinstance(schema, dict):
        return schema
    raise ValueError("The JSON schema must be an object: { … }.")
