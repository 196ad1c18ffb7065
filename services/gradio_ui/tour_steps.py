"""What the guided first visit says and asks: five steps, each with a question or two.

Owns the words and the settings of those questions. How a step looks and what its buttons do is
`tour`'s.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

STORY = "Tell me a story about a fox."
STORY_TOKENS = 60  # enough to compare two beginnings, and short on a slow machine


@dataclass(frozen=True)
class TourQuestion:
    """A button: `settings` hold for its answer alone, `told` says so above the question box."""

    label: str
    text: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    told: str = ""


@dataclass(frozen=True)
class TourStep:
    """`words` are one or two sentences of HTML, our own."""

    title: str
    words: str
    questions: tuple[TourQuestion, ...]


def _story(temperature: float) -> TourQuestion:
    return TourQuestion(
        f"Ask at {temperature:g}",
        STORY,
        {"temperature": temperature, "max_tokens": STORY_TOKENS},
        f"Asked at temperature {temperature:g}, for {STORY_TOKENS} tokens, "
        "as if nothing had been said before.",
    )


STEPS = (
    TourStep(
        "Model",
        "A model is a large file of numbers that goes on with a text, piece by piece. Yours runs "
        "on this machine or on one that you chose.",
        (TourQuestion("Ask: What is a language model?", "What is a language model?"),),
    ),
    TourStep(
        "Token",
        "Those pieces are called tokens: a word, or a part of one. The grey line below each "
        "answer counts them and says how fast they came.",
        (
            TourQuestion("Ask: What is a token?", "What is a token?"),
            TourQuestion(
                "Ask for 8 tokens only",
                "What is a token?",
                {"max_tokens": 8},
                "Asked for 8 tokens: the answer ends there, finished or not.",
            ),
        ),
    ),
    TourStep(
        "Temperature",
        "Temperature is how daring the pick of each token is. Ask at 0 twice and the words are "
        "the same; ask at 1.5 and they are others each time.",
        (_story(0.0), _story(1.5)),
    ),
    TourStep(
        "Quantization",
        "Its numbers are rounded to fewer bits: smaller, faster, a little less exact. The "
        "<a href='?place=playground'>Playground</a> puts two such versions side by side.",
        (TourQuestion("Ask: What is quantization?", "What is quantization?"),),
    ),
    TourStep(
        "Your turn",
        "Ask it what it cannot know: it may say so, or make something up and sound just as sure. "
        "Then write a question of your own below; that ends the tour.",
        (
            TourQuestion(
                "Ask: Who won the chess game last night?", "Who won the chess game last night?"
            ),
        ),
    ),
)
