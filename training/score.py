"""Judges a finished GGUF file by an automatic rule, through llama.cpp as a user would meet it.

    python -m training.score services/engine/model/lectern-101-q8_0.gguf --set test --show

Each question is asked alone, at temperature 0. The answer counts as right when, among all answers
of the corpus, the one that it resembles most (words in common) is of the question's concept.
The sets: `test` and `dev` are hand-written paraphrases that are never trained on; `verbatim` are
questions drawn from the training phrasings.
"""

from __future__ import annotations

import argparse
import random
import re
from collections import Counter
from pathlib import Path

import xllamacpp

from training.concepts import load_concepts
from training.dialogues import Dialogues, held_out
from training.grammar import draw, normal

STORY = re.compile(r"Once|Long ago|There was once|\w+ was an? .* and lived")  # how stories begin
STORY_WORDS, LONG_STORY_WORDS = 25, 180  # at least so many
DRAWS = 12  # of each answer's variants to compare with


class Judge:
    """Knows every answer of the corpus and whose it is."""

    def __init__(self) -> None:
        rng = random.Random(0)
        self.known: list[tuple[str, Counter[str]]] = [
            (concept.id, Counter(normal(draw(answer, rng)).split()))
            for concept in load_concepts().values()
            for answer in concept.answers
            for _ in range(DRAWS)
        ]

    def concept_of(self, answer: str) -> str:
        """The concept whose answer this resembles most (Dice coefficient of the words)."""
        words = Counter(normal(answer).split())
        if STORY.match(answer) and words.total() >= STORY_WORDS:
            return "long-story" if words.total() >= LONG_STORY_WORDS else "story"

        def likeness(known: Counter[str]) -> float:
            return 2 * (known & words).total() / max(1, known.total() + words.total())

        return max(self.known, key=lambda entry: likeness(entry[1]))[0]


def serve(path: Path) -> xllamacpp.Server:
    """The model in llama.cpp, one thread, one slot."""
    parameters = xllamacpp.CommonParams()
    parameters.model.path = str(path)
    parameters.n_ctx, parameters.n_parallel, parameters.port = 1024, 1, 0
    parameters.cpuparams.n_threads = parameters.cpuparams_batch.n_threads = 1
    parameters.fit_params, parameters.ui, parameters.verbosity = False, False, 1
    return xllamacpp.Server(parameters)


def ask(server: xllamacpp.Server, question: str, **sampling: float) -> str:
    """The model's answer, greedy unless told otherwise."""
    messages = [{"role": "user", "content": question}]
    reply = server.handle_chat_completions({"messages": messages, "temperature": 0, **sampling})
    return str(reply["choices"][0]["message"]["content"])


def questions(name: str) -> list[tuple[str, str]]:
    """(concept, question) of a set."""
    if name != "verbatim":
        return [(concept, question) for s, concept, question in held_out() if s == name]
    dialogues = Dialogues(7)
    concepts = list(dialogues.concepts.values())
    return [(c.id, dialogues.fill(dialogues.plain_question(c))) for c in concepts]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", type=Path)
    parser.add_argument("--set", choices=("test", "dev", "verbatim"), default="test")
    parser.add_argument("--show", action="store_true", help="print the wrong ones")
    args = parser.parse_args()
    server, judge, right = serve(args.model), Judge(), 0
    asked = questions(args.set)
    for concept, question in asked:
        answer = ask(server, question, max_tokens=700)
        given = judge.concept_of(answer)
        right += given == concept
        if args.show and given != concept:
            print(f"{concept:18} {question}\n    {given}: {answer[:90]}")
    print(
        f"{args.model.name}, {args.set}: {right} of {len(asked)} right ({right / len(asked):.0%})"
    )


if __name__ == "__main__":
    main()
