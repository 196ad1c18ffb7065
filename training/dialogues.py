"""Draws training conversations from the corpus: endless, seeded, never a held-out question.

A conversation has up to 16 turns. A question about a concept is drawn from the ways people ask,
then roughened (openers, lower case, typing errors, lost words), so that the model learns to look at
the telling words and not at the sentence. The answer is any of the concept's answers. Follow-ups
("tell me more", "simpler", "why?") get another answer of the concept that was spoken of.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from pathlib import Path

from training.concepts import Concept, load_concepts
from training.grammar import CORPUS, draw, normal, sections, split_choices
from training.stories import Stories

HELD_OUT = Path(__file__).resolve().parent / "held_out"
TURNS = (1, 2, 3, 4, 5, 6, 12, 16)
TURN_WEIGHTS = (46, 22, 12, 8, 5, 4, 2, 1)
SENTENCE_END = re.compile(r"(?<=[.!?]) (?=[A-Z])")

Dialogue = list[tuple[str, str]]  # (role, text)


def held_out() -> Iterator[tuple[str, str, str]]:
    """(set, concept, question) for every question that must never be trained on."""
    for path in sorted(HELD_OUT.glob("*.txt")):
        for line in path.read_text(encoding="utf-8").splitlines():
            if line and not line.startswith("#"):
                concept, _, question = line.partition(" | ")
                yield path.stem, concept, question


class Dialogues:
    """The endless stream of conversations for one seed."""

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)
        self.concepts = load_concepts()
        self.stories = Stories(self.rng)
        self.templates = sections(CORPUS / "questions.md")
        self.systems = sections(CORPUS / "systems.md")
        lists = sections(CORPUS / "words.md")
        self.synonyms = [split_choices(line) for line in lists.pop("synonyms")]
        self.words = {name: split_choices(" | ".join(lines)) for name, lines in lists.items()}
        self.forbidden = {normal(question) for _, _, question in held_out()}
        # Refusals cover the whole rest of the world, so they are drawn more often.
        self.weights = [3 if concept.startswith("r-") else 1 for concept in self.concepts]

    def tokenizer_texts(self) -> list[str]:
        """Enough conversations for a vocabulary."""
        return [text for _ in range(4000) for turn in self.draw() for text in turn]

    def draw(self) -> Dialogue:
        """One conversation, perhaps with a system prompt that asks for a style."""
        style = self.rng.choices(("", "plain", "pirate", "brief", "simple"), (55, 25, 6, 7, 7))[0]
        dialogue: Dialogue = []
        if style:
            dialogue.append(("system", draw(self.rng.choice(self.systems[style]), self.rng)))
        topic: Concept | None = None  # what a follow-up would be about
        said = ""
        for _ in range(self.rng.choices(TURNS, TURN_WEIGHTS)[0]):
            question, answer, topic = self.turn(topic, style, said)
            said = answer
            dialogue += [("user", question), ("assistant", styled(answer, style, self.rng))]
        return dialogue

    def turn(self, topic: Concept | None, style: str, said: str) -> tuple[str, str, Concept | None]:
        """(question, answer, the concept spoken of)."""
        if topic is not None and self.rng.random() < 0.4:
            return *self.follow_up(topic, said), topic
        kind = self.rng.random()
        if kind < 0.025:
            question, story = self.stories.long()
            return self.rough(question), story, None
        if kind < 0.125:
            question, story = self.stories.short()
            return self.rough(question), story, None
        concept = self.rng.choices(list(self.concepts.values()), self.weights)[0]
        simple = style == "simple" or self.rng.random() < 0.12
        answers = concept.plain if simple and concept.plain else concept.say
        answer = draw(self.rng.choice(answers), self.rng)
        return self.question(concept), answer, None if concept.is_talk else concept

    def follow_up(self, topic: Concept, said: str) -> tuple[str, str]:
        """A question that makes sense only after the last answer."""
        kinds = {"more": topic.say + topic.why + topic.example, "simpler": topic.plain}
        kinds |= {"why": topic.why, "example": topic.example}
        kind = self.rng.choice([kind for kind, answers in kinds.items() if answers])
        question = self.rough(draw(self.rng.choice(self.templates[kind]), self.rng), light=True)
        answers = [draw(answer, self.rng) for answer in kinds[kind]]
        fresh = [answer for answer in answers if normal(answer)[:20] != normal(said)[:20]]
        return question, self.rng.choice(fresh or answers)

    def question(self, concept: Concept) -> str:
        """One way of asking about the concept, never a held-out one."""
        while True:
            question = self.rough(self.fill(self.plain_question(concept)))
            if normal(question) not in self.forbidden:
                return question

    def plain_question(self, concept: Concept) -> str:
        ways = {"ask": 4 * bool(concept.ask), "name": 4 * bool(concept.names)}
        ways |= {"clue": 2 * bool(concept.clues), "topic": 2 * (concept.id == "r-general")}
        way = self.rng.choices(list(ways), list(ways.values()))[0]
        if way == "ask":
            return draw(self.rng.choice(concept.ask), self.rng)
        if way == "clue":
            clue = draw(self.rng.choice(concept.clues), self.rng)
            return draw(self.rng.choice(self.templates["about-clue"]), self.rng).format(clue=clue)
        name = draw(self.rng.choice(concept.names or ["{topic}"]), self.rng)
        template = draw(self.rng.choice(self.templates["about-name"]), self.rng)
        return template.format(name=name)

    def fill(self, question: str) -> str:
        """Puts numbers, places and the like into the slots of a question."""
        while (slot := re.search(r"\{(\w+)\}", question)) is not None:
            question = question.replace(slot.group(), self.word(slot.group(1)), 1)
        return question

    def word(self, kind: str) -> str:
        if kind == "number":
            return str(self.rng.randint(0, 10 ** self.rng.randint(1, 4)))
        if kind == "letters" or (kind == "topic" and self.rng.random() < 0.3):
            alphabet = "asdfghjklqwertzuiopyxcvbnm" if kind == "letters" else "aeioubdfglmnprst" * 2
            return "".join(self.rng.choices(alphabet, k=self.rng.randint(3, 8)))
        return self.rng.choice(self.words[kind])

    def rough(self, question: str, *, light: bool = False) -> str:
        """What people do to a question: other words, openers, closers, haste."""
        rng = self.rng
        if not light:
            for _ in range(rng.choice((0, 0, 1, 1, 2))):
                question = self.with_synonym(question)
            if rng.random() < 0.15 and question.count(" ") > 3:
                question = without_a_word(question, rng)
            if rng.random() < 0.22:
                question = f"{rng.choice(self.templates['openers'])} {question}"
            if rng.random() < 0.10:
                question = f"{question} {rng.choice(self.templates['closers'])}"
        if rng.random() < 0.12:
            question = with_typing_error(question, rng)
        if rng.random() < 0.6:
            question = question[:1].upper() + question[1:]
        elif rng.random() < 0.5:
            question = question.lower()
        if question[-1:].isalnum() and rng.random() < 0.65:
            question += rng.choice("???????.!")
        return question

    def with_synonym(self, question: str) -> str:
        group = self.rng.choice(self.synonyms)
        for word in group:
            if f" {word} " in f" {question} ":
                other = self.rng.choice(group)
                return f" {question} ".replace(f" {word} ", f" {other} ", 1).strip()
        return question


def without_a_word(question: str, rng: random.Random) -> str:
    words = question.split(" ")
    del words[rng.randrange(len(words))]
    return " ".join(words)


def with_typing_error(question: str, rng: random.Random) -> str:
    """Swaps, loses or doubles one letter in the middle of a word."""
    places = [n for n in range(1, len(question) - 1) if question[n - 1 : n + 2].isalpha()]
    if not places:
        return question
    n = rng.choice(places)
    middle = rng.choice((question[n + 1] + question[n], question[n + 1], question[n] * 2))
    kept = n + 1 if middle == question[n] * 2 else n + 2
    return question[:n] + middle + question[kept:]


def styled(answer: str, style: str, rng: random.Random) -> str:
    """The answer as the system prompt wants it."""
    if style == "pirate":
        start = rng.choice(("Arr!", "Ahoy, matey!", "Yo-ho-ho!", "Avast!"))
        end = rng.choice(("Arr!", "Mark my words, sailor!", "Now pass the rum!", "Yo-ho-ho!"))
        return f"{start} {answer} {end}"
    if style == "brief":
        return SENTENCE_END.split(answer)[0]
    return answer
