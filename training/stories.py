"""Makes small stories, and long ones, from the word lists and sentences of `corpus/stories.md`."""

from __future__ import annotations

import random
from itertools import pairwise

from training.grammar import CORPUS, draw, sections, split_choices

LISTS = ("hero", "kind", "name", "friend", "place", "thing")
BEATS = ("opening", "wish", "find", "trouble", "meeting", "turn", "end")


class Stories:
    """Draws (question, story); the hero asked for is the hero of the story."""

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng
        self.parts = sections(CORPUS / "stories.md")
        self.words = {name: split_choices(" | ".join(self.parts[name])) for name in LISTS}

    def cast(self) -> dict[str, str]:
        """Who and what this story is about."""
        cast = {name: self.rng.choice(words) for name, words in self.words.items()}
        while cast["friend"] == cast["hero"]:
            cast["friend"] = self.rng.choice(self.words["friend"])
        return cast

    def beat(self, name: str, cast: dict[str, str]) -> str:
        line = draw(self.rng.choice(self.parts[name]), self.rng).format(**cast)
        return fix_articles(line)

    def short(self) -> tuple[str, str]:
        """About 100 tokens: now and then a beat is left out."""
        cast = self.cast()
        beats = [b for b in BEATS if b in ("opening", "find", "end") or self.rng.random() < 0.8]
        story = " ".join(self.beat(beat, cast) for beat in beats)
        return self.ask("ask", "ask-about", cast), story

    def long(self) -> tuple[str, str]:
        """About 300 to 600 tokens in paragraphs."""
        cast = self.cast()
        story = [" ".join(self.beat(beat, cast) for beat in BEATS[:-1])]
        count = self.rng.randint(5, 8)
        for line in self.rng.sample(self.parts["episode"], count):
            cast["friend"] = self.rng.choice(self.words["friend"])
            story.append(fix_articles(draw(line, self.rng).format(**cast)))
        story.append(self.beat("long-end", cast))
        return self.ask("ask-long", "ask-long-about", cast), "\n\n".join(story)

    def ask(self, plain: str, about: str, cast: dict[str, str]) -> str:
        """Three of four questions name the hero, half of those with the adjective."""
        if self.rng.random() < 0.25:
            return draw(self.rng.choice(self.parts[plain]), self.rng)
        hero = cast["hero"]
        if self.rng.random() < 0.5:
            hero = f"{cast['kind']} {hero}"
        question = draw(self.rng.choice(self.parts[about]), self.rng)
        return question.replace("{a_hero}", fix_articles(f"a {hero}"))


def fix_articles(text: str) -> str:
    """Writes "an" where the word lists need it: "a old owl" becomes "an old owl"."""
    words = text.split(" ")
    for n, (word, following) in enumerate(pairwise(words)):
        if word in ("a", "A") and following[:1] in ("a", "e", "i", "o"):
            words[n] = word + "n"
    return " ".join(words)
