"""One prompt asked of two to four contestants at once, without a look of its own.

Owns: the round, who hides behind "Model A", where the answers part, and the words for it. Voting
is `playground_vote`'s; the demos to begin with are `playground_demos`'.
"""

from __future__ import annotations

import random
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from chat_client.background import Answer
from chat_client.dialogue import Turn
from chat_client.dialogue_entry import Entry
from chat_client.difference import parting
from chat_client.errors import ChatError
from chat_client.messages import Message
from chat_client.reply import Reply
from chat_client.room_values import Contestant
from chat_client.sampling import Sampling
from chat_client.sampling_fields import SAMPLING_FIELDS
from chat_client.settings import ChatSettings
from chat_client.waiting import Waiting

FEWEST, MOST = 2, 4
LETTERS = "ABCD"


@dataclass(frozen=True, slots=True)
class Asked:
    """A model and how it is asked; `label` says what sets it apart in its round."""

    model: str
    sampling: Sampling = field(default_factory=Sampling)
    label: str = ""

    @property
    def name(self) -> str:
        """For example `lectern-101@q8_0 · Temperature 1.5`."""
        return f"{self.model} · {self.label}" if self.label else self.model

    def contestant(self) -> Contestant:
        """As the room keeps it with a vote."""
        return Contestant(model=self.model, label=self.label, settings=self.sampling.settings())


def labelled(asked: Sequence[Asked]) -> list[Asked]:
    """The same, each with those of its settings in its label that are not everybody's."""
    settings = [each.sampling.settings() for each in asked]
    differing = [
        f
        for f in SAMPLING_FIELDS
        if any(values.get(f.name) != settings[0].get(f.name) for values in settings)
    ]
    return [
        Asked(
            each.model,
            each.sampling,
            " · ".join(
                f"{f.label} {_in_words(values[f.name])}" for f in differing if f.name in values
            )[:100],
        )
        for each, values in zip(asked, settings, strict=True)
    ]


def _in_words(value: Any) -> str:
    if isinstance(value, (int, float)):
        return f"{value:g}" if isinstance(value, float) else str(value)
    if isinstance(value, str):
        return value
    return "set"


class Pane:
    """One contestant's answer in a round; `reply` is read by the page, `entry` is what came."""

    def __init__(self, asked: Asked, reply: Reply, alias: str) -> None:
        self.asked = asked
        self.reply = reply
        self.alias = alias

    @property
    def entry(self) -> Entry:
        return self.reply.entry


class Round:
    """A prompt under way at everybody; make it with `Round.start`.

    Read it with `take` again and again: answers that nobody reads are given up.
    """

    def __init__(self, prompt: str, panes: Sequence[Pane], blind: bool) -> None:
        self.prompt = prompt
        self.panes = tuple(panes)
        self.blind = blind
        self.revealed = not blind
        self.verdict: int | str | None = None  # What the person has voted, once they have.

    @classmethod
    def start(
        cls,
        settings: ChatSettings,
        prompt: str,
        asked: Sequence[Asked],
        *,
        blind: bool = False,
        system_prompt: str = "",
        to_load: Collection[str] = (),
    ) -> Round:
        """Asks everybody at once and returns; `blind` also shuffles who stands where.

        `to_load`: models that are not in memory; they are loaded first, to see how far that is.
        Raises ChatError for a number of contestants that cannot be.
        """
        if not FEWEST <= len(asked) <= MOST:
            raise ChatError(f"A round has {FEWEST} to {MOST} models or settings.")
        order = labelled(asked)
        if blind:
            random.SystemRandom().shuffle(order)
        messages = [Message("system", system_prompt)] if system_prompt.strip() else []
        messages.append(Message("user", prompt))
        panes = [
            Pane(each, _begin(settings, each, messages, to_load), f"Model {letter}")
            for each, letter in zip(order, LETTERS, strict=False)
        ]
        return cls(prompt, panes, blind)

    @property
    def open(self) -> bool:
        """True while an answer is still coming."""
        return any(pane.reply.open for pane in self.panes)

    def take(self) -> bool:
        """Takes in what has come, without waiting; False when nothing has changed."""
        changed = [pane.reply.take(0) for pane in self.panes]
        return any(changed)

    def stop(self) -> None:
        """Closes every upstream; what has come stays."""
        for pane in self.panes:
            pane.reply.stop()

    def reveal(self) -> None:
        self.revealed = True

    def name(self, pane: Pane) -> str:
        """What to call a contestant: its alias until the names are revealed."""
        return pane.asked.name if self.revealed else pane.alias

    def waiting(self, pane: Pane) -> Waiting:
        """What a pane's first token waits for; a load is everybody's while the names are hidden."""
        own = pane.reply.waiting
        if self.revealed:
            return own
        loads = (each.reply.waiting.loading for each in self.panes)
        return replace(own, loading=next((load for load in loads if load is not None), None))

    def numbers(self, pane: Pane) -> str:
        """The line of numbers; not while the names are hidden: speed gives a model away."""
        stats = pane.entry.stats
        parts = [stats.line] if stats and self.revealed else []
        if stats and not self.revealed and stats.finish_reason != "stop":
            parts.append(stats.ending)
        if pane.entry.state in ("stopped", "failed"):
            parts.append(pane.entry.state)
        if self.revealed and pane.entry.answered_by not in ("", pane.asked.model):
            parts.append(f"answered by {pane.entry.answered_by}")
        return " · ".join(part for part in parts if part)

    def parted(self) -> list[tuple[str, str]]:
        """Each answer as what it shares with the first one, and the rest.

        The first one is cut where the earliest of the others leaves it.
        """
        return parted([pane.entry.text for pane in self.panes])


def parted(texts: Sequence[str]) -> list[tuple[str, str]]:
    """What each text shares with the first, cut at a word's beginning, and its rest."""
    partings = [parting(texts[0], other) for other in texts[1:]]
    cuts = [len(found[0]) if found else len(texts[0]) for found in partings]
    cuts = [min(cuts, default=len(texts[0])), *cuts]
    return [(text[:cut], text[cut:]) for text, cut in zip(texts, cuts, strict=True)]


def _begin(
    settings: ChatSettings, asked: Asked, messages: Sequence[Message], to_load: Collection[str]
) -> Reply:
    turn = Turn(tuple(messages), Entry("assistant", model=asked.model, state="coming"))
    load = asked.model in to_load
    return Reply(turn, Answer.start(settings, asked.model, messages, asked.sampling, load=load))
