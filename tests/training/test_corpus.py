"""The corpus is complete and consistent, and nothing that the model is judged by is trained on."""

from __future__ import annotations

import random
import re
from pathlib import Path

import pytest

from training.concepts import load_concepts
from training.dialogues import Dialogues, held_out
from training.grammar import draw, normal
from training.stories import Stories

ROOT = Path(__file__).resolve().parents[2]
CONCEPTS = load_concepts()
# A number after a port's owner, wherever an answer names both.
PORTS = {"LM Studio": "1234", "Streamlit": "8501", "Gradio": "7860", "gateway": "8000"}
STORY_SETS = ("story", "long-story")


@pytest.mark.parametrize("concept", CONCEPTS.values(), ids=lambda concept: concept.id)
def test_every_concept_has_questions_and_several_answers(concept: object) -> None:
    from training.concepts import Concept

    assert isinstance(concept, Concept)
    assert concept.names or concept.ask
    assert len(concept.say) >= 2
    assert all(len(answer) > 10 for answer in concept.say + concept.why + concept.example)
    assert all(concept.plain), "an empty answer"


@pytest.mark.parametrize("concept", CONCEPTS.values(), ids=lambda concept: concept.id)
def test_brackets_are_closed_and_no_slot_is_left_in_an_answer(concept: object) -> None:
    from training.concepts import Concept

    assert isinstance(concept, Concept)
    rng = random.Random(1)  # noqa: S311 (drawing texts)
    for line in concept.names + concept.clues + concept.ask + concept.answers:
        drawn = draw(line, rng)
        assert "[" not in drawn, line
        assert "]" not in drawn, line
    assert not any(re.search(r"\{\w+\}", answer) for answer in concept.answers)


def test_the_model_is_judged_by_more_than_a_hundred_questions() -> None:
    test = [question for name, _, question in held_out() if name == "test"]

    assert len({normal(question) for question in test}) == len(test) > 100


def test_every_held_out_question_names_a_concept() -> None:
    unknown = {concept for _, concept, _ in held_out()} - set(CONCEPTS) - set(STORY_SETS)

    assert unknown == set()


def test_no_held_out_question_is_trained_on() -> None:
    dialogues = Dialogues(11)
    forbidden = {normal(question) for _, _, question in held_out()}
    asked = {normal(text) for _ in range(4000) for role, text in dialogues.draw() if role == "user"}

    assert len(asked) > 4000
    assert asked & forbidden == set()


def test_the_same_seed_draws_the_same_conversations() -> None:
    one, two = Dialogues(5), Dialogues(5)

    assert [one.draw() for _ in range(50)] == [two.draw() for _ in range(50)]


def test_conversations_alternate_and_no_turn_is_empty() -> None:
    dialogues = Dialogues(3)
    for _ in range(500):
        turns = dialogues.draw()
        roles = [role for role, _ in turns]
        spoken = roles[1:] if roles[0] == "system" else roles
        assert spoken == ["user", "assistant"] * (len(spoken) // 2)
        assert all(text.strip() for _, text in turns)


@pytest.mark.parametrize("owner", PORTS)
def test_ports_are_those_of_the_real_services(owner: str) -> None:
    pattern = re.compile(rf"{owner}(?: page)? (?:on|is at|listens on port) http://[\w.]+:(\d+)")
    found = [port for c in CONCEPTS.values() for a in c.answers for port in pattern.findall(a)]
    numbers = re.findall(rf"(\d{{4}}) (?:for )?(?:the )?{owner}", " ".join(all_answers()))

    assert set(found + numbers) == {PORTS[owner]}


def test_no_other_port_or_address_is_named() -> None:
    ports = set(re.findall(r":(\d{4,5})\b", " ".join(all_answers())))

    assert ports <= set(PORTS.values())


def test_a_story_is_about_the_hero_asked_for() -> None:
    stories = Stories(random.Random(2))  # noqa: S311 (drawing texts)
    for _ in range(200):
        question, story = stories.short()
        asked = re.search(r"(?:about|with) an? ([\w ]+)$", question)
        if asked:
            assert asked.group(1).split()[-1] in story, question


def test_a_long_story_is_long() -> None:
    stories = Stories(random.Random(2))  # noqa: S311 (drawing texts)

    assert all(len(stories.long()[1].split()) > 180 for _ in range(50))


def all_answers() -> list[str]:
    return [answer for concept in CONCEPTS.values() for answer in concept.answers]
