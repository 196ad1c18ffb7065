"""The answer that the paced model server gives: Markdown as models write it, token by token.

Owns the text alone. Every third token of prose is a numbered marker, `k<turn>n<token>`, so that
what a page shows can be matched with the moment at which that token was sent.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import cycle, islice

MARKER = re.compile(r"k(\d+)n(\d+)")
EVERY = 3
MARK = "\0"  # stands for a marker until its place in the answer is known
WORDS = (
    "the model reads the whole question before it writes its first word and then each new word is "
    "chosen from many that could follow so a longer answer takes longer but not more than that"
)
CODE = """\
```python
def sample(scores, temperature):
    scaled = [score / temperature for score in scores]
    highest = max(scaled)
    weights = [exp(score - highest) for score in scaled]
    return choose(weights)  # one token at a time
```

"""
TABLE = """\
| Format | Bits per weight | Size |
|---|---|---|
| F16 | 16 | 2.0 GB |
| Q8_0 | 8.5 | 1.1 GB |
| Q4_K_M | 4.8 | 0.7 GB |

"""


def answer(turn: int, tokens: int) -> list[str]:
    """So many tokens; the first and the last one are markers."""
    words = [*islice(_text(), tokens - 1), MARK]
    return [word.replace(MARK, f"k{turn}n{index}") for index, word in enumerate(words)]


def markers(turn: int, words: list[str]) -> dict[int, str]:
    """Each marker of an answer by the index of its token."""
    found: dict[int, str] = {}
    for index, word in enumerate(words):
        match = MARKER.search(word)
        if match and int(match[1]) == turn:
            found[index] = match[0]
    return found


def _text() -> Iterator[str]:
    """Sections without end: a paragraph, a list, code, a numbered list, a table."""
    words = cycle(WORDS.split())
    yield from _prose(words, 40)
    section = 0
    while True:
        section += 1
        yield from ("\n\n## ", f"Part {section}: ", "what ", "happens\n\n")
        yield from _prose(words, 60, bold=True)
        yield "\n\n"
        for _ in range(4):
            yield "- "
            yield from _prose(words, 12)
            yield "\n"
        yield "\n"
        yield from _pieces(CODE)
        yield from _prose(words, 45)
        yield "\n\n"
        for number in range(1, 4):
            yield f"{number}. "
            yield from _prose(words, 15, bold=True)
            yield "\n"
        yield "\n"
        yield from _pieces(TABLE)
        yield from _prose(words, 30)


def _prose(words: Iterator[str], count: int, *, bold: bool = False) -> Iterator[str]:
    for index in range(count):
        if index % EVERY == 0:
            yield f"{MARK} "
        elif bold and index % 20 == 4:
            yield f"**{next(words)}** "
        else:
            yield f"{next(words)} "


def _pieces(text: str) -> Iterator[str]:
    """Code and tables, cut about as a tokenizer would."""
    return iter(re.findall(r"\s*[A-Za-z0-9_.]+|\s*[^A-Za-z0-9_.\s]+|\s+", text))
