"""Reads the corpus files and draws texts from their small grammar: `[a|b]` is one of the two.

A file is Markdown: `## section` opens a section, the lines below it are its entries. Brackets nest,
an empty choice (`[a|]`) may leave the words out. `{slot}` is filled in by whoever draws.
"""

from __future__ import annotations

import random
import re
from pathlib import Path

CORPUS = Path(__file__).resolve().parent / "corpus"
INNERMOST = re.compile(r"\[([^\[\]]*)\]")


def sections(path: Path) -> dict[str, list[str]]:
    """The lines of a corpus file under each `##` heading; what stands before the first is talk."""
    found: dict[str, list[str]] = {}
    current: list[str] = []
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.startswith("## "):
            current = found.setdefault(line[3:].strip(), [])
        elif line.strip():
            current.append(line.strip())
    return found


def draw(text: str, rng: random.Random) -> str:
    """One of the texts that `text` stands for."""
    while (match := INNERMOST.search(text)) is not None:
        chosen = rng.choice(match.group(1).split("|"))
        text = text[: match.start()] + chosen + text[match.end() :]
    return " ".join(text.split()).replace(" ,", ",")


def split_choices(line: str) -> list[str]:
    """Splits "a | b [c|d]" at the bars outside of brackets."""
    parts, depth = [""], 0
    for character in line:
        depth += {"[": 1, "]": -1}.get(character, 0)
        if character == "|" and depth == 0:
            parts.append("")
        else:
            parts[-1] += character
    return [part.strip() for part in parts if part.strip()]


def normal(text: str) -> str:
    """Lower case words without punctuation: how two questions are compared."""
    return " ".join(re.findall(r"[a-z0-9]+", text.lower()))
