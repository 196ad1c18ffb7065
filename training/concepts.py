"""The concepts of the corpus: how people ask about each, and the answers that are right."""

from __future__ import annotations

from dataclasses import dataclass, field

from training.grammar import CORPUS, sections, split_choices

FILES = ("models", "sampling", "quantization", "prompts", "serving", "lm-studio", "lectern", "talk")


@dataclass
class Concept:
    """One `##` section. `names`, `clues` and `ask` are questions, the other fields are answers."""

    id: str
    names: list[str] = field(default_factory=list)
    clues: list[str] = field(default_factory=list)
    ask: list[str] = field(default_factory=list)
    say: list[str] = field(default_factory=list)
    plain: list[str] = field(default_factory=list)
    why: list[str] = field(default_factory=list)
    example: list[str] = field(default_factory=list)

    @property
    def answers(self) -> list[str]:
        return self.say + self.plain + self.why + self.example

    @property
    def is_talk(self) -> bool:
        """Small talk and refusals have no names: nobody asks what "hello" is."""
        return not self.names


def load_concepts() -> dict[str, Concept]:
    """Every concept of the corpus by its id."""
    concepts: dict[str, Concept] = {}
    for file in FILES:
        for name, lines in sections(CORPUS / f"{file}.md").items():
            assert name not in concepts, f"{name} is described twice"
            concepts[name] = Concept(name)
            for line in lines:
                kind, _, text = line.partition(":")
                entries = split_choices(text) if kind in ("names", "clues") else [text.strip()]
                getattr(concepts[name], kind).extend(entries)
    return concepts
