"""The deck of prepared prompts for presenter mode, read from a Markdown file.

Owns: the file's form, and the sentence for a file that cannot be used. A step begins at `## Title`;
its text is Markdown for the audience. A block fenced as ```prompt is a prompt; settings of its own
stand behind that word, as `temperature=0 max_tokens=80 model=lectern-101@q4_0`.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from chat_client import SAMPLING_FIELDS, Sampling, sampling_problem

OUR_DECK = Path(__file__).with_name("deck.md")
LARGEST_BYTES = 256 * 1024
FENCE = "```"


class DeckProblem(Exception):
    """A deck that cannot be used; the message says where and why."""


@dataclass(frozen=True)
class Prompt:
    """What a button asks; `model` is empty for whatever is chosen."""

    text: str
    sampling: Sampling = field(default_factory=Sampling)
    model: str = ""

    @property
    def note(self) -> str:
        """What is special about it, for example `temperature 0 · lectern-101@q4_0`."""
        parts = [f"{name} {value}" for name, value in self.sampling.settings().items()]
        return " · ".join([*parts, *([self.model] if self.model else [])]).replace("_", " ")


@dataclass(frozen=True)
class Step:
    """One screen of the talk."""

    title: str
    text: str
    prompts: tuple[Prompt, ...]


def load_deck(path: Path) -> tuple[Step, ...]:
    """The steps of a file; raises DeckProblem."""
    try:
        if path.stat().st_size > LARGEST_BYTES:
            raise DeckProblem(f"{path.name} is larger than {LARGEST_BYTES // 1024} KB.")
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise DeckProblem(f"{path.name} cannot be read: {_reason(error)}.") from error
    return read_deck(text)


def read_deck(text: str) -> tuple[Step, ...]:
    """The steps of a deck's text; raises DeckProblem."""
    drafts: list[tuple[str, list[str], list[Prompt]]] = []
    lines = enumerate(text.splitlines(), 1)
    for number, line in lines:
        if line.startswith("## "):
            drafts.append((line[3:].strip(), [], []))
        elif line.startswith(FENCE):
            block = _block(lines, number)
            if line.removeprefix(FENCE).split()[:1] == ["prompt"]:
                if not drafts:
                    raise DeckProblem(f"Line {number}: a prompt stands before the first step (##).")
                drafts[-1][2].append(_prompt(line.removeprefix(FENCE), block, number))
            elif drafts:
                drafts[-1][1].extend([line, *block, FENCE])
        elif drafts:
            drafts[-1][1].append(line)
    if not drafts:
        raise DeckProblem("It has no step: begin each with a line such as `## Tokens`.")
    return tuple(
        Step(title, "\n".join(body).strip(), tuple(prompts)) for title, body, prompts in drafts
    )


def _block(lines: enumerate[str], opened: int) -> list[str]:
    block: list[str] = []
    for _, line in lines:
        if line.startswith(FENCE):
            return block
        block.append(line)
    raise DeckProblem(f"Line {opened}: the block that begins here has no end (```).")


def _prompt(info: str, block: list[str], number: int) -> Prompt:
    settings: dict[str, Any] = {}
    model = ""
    for word in info.split()[1:]:
        name, _, value = word.partition("=")
        if name == "model" and value:
            model = value
            continue
        if name not in {each.name for each in SAMPLING_FIELDS}:
            raise DeckProblem(f"Line {number}: there is no setting {name}.")
        try:
            settings[name] = json.loads(value)
        except ValueError:
            settings[name] = value
        if problem := sampling_problem(name, settings[name]):
            raise DeckProblem(f"Line {number}: {problem}")
    text = "\n".join(block).strip()
    if not text:
        raise DeckProblem(f"Line {number}: the prompt is empty.")
    return Prompt(text, Sampling.from_settings(settings), model)


def _reason(error: Exception) -> str:
    return (error.strerror or "no such file") if isinstance(error, OSError) else "it is not UTF-8"
