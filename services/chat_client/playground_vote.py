"""What a person thinks of a round's answers, as votes on pairs that the room keeps.

Owns: the verdicts, their words, turning one into votes, and when there is nothing to vote on. The
leaderboard is made of the room's totals by `leaderboard`.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

from chat_client.errors import ChatError
from chat_client.playground import Round
from chat_client.room import Room
from chat_client.room_values import Choice, Contestant

Verdict = int | str  # the number of the best pane, or "tie" or "both_bad"
TIE, BOTH_BAD = "tie", "both_bad"
# Side by side or, on a phone, one below the other; letters would mean nothing once there are names.
PLACES = ("First", "Second", "Third", "Fourth")


@dataclass(frozen=True, slots=True)
class Ballot:
    """One pair and who of it is better."""

    choice: Choice
    left: Contestant
    right: Contestant


def verdicts(round_: Round) -> list[tuple[Verdict, str]]:
    """What can be chosen, in the order of the buttons, each with its words."""
    two = len(round_.panes) == 2
    word = "better" if two else "best"
    best: list[tuple[Verdict, str]] = [
        (number, f"{PLACES[number]} is {word}") for number in range(len(round_.panes))
    ]
    return [*best, (TIE, "Tie"), (BOTH_BAD, "Both bad" if two else "All bad")]


def no_vote_because(round_: Round) -> str:
    """Why this round cannot be voted on (yet), as a sentence; empty when it can."""
    if round_.verdict is not None:
        return "You have voted on this round."
    if round_.open:
        return "Vote when all answers are there."
    if any(pane.entry.error or not pane.entry.text.strip() for pane in round_.panes):
        return "An answer is missing, so there is nothing to vote on."
    known = {(pane.asked.model, pane.asked.label) for pane in round_.panes}
    if len(known) < len(round_.panes):
        return "Two of these are the same model with the same settings: a vote would tell nothing."
    return ""


def ballots(round_: Round, verdict: Verdict) -> list[Ballot]:
    """The votes that a verdict is worth.

    The best one beats each of the others, of whom nothing is said among themselves. A tie, or all
    bad, is one between each two.
    """
    sides = [pane.asked.contestant() for pane in round_.panes]
    if verdict == TIE:
        return [Ballot("tie", *pair) for pair in combinations(sides, 2)]
    if verdict == BOTH_BAD:
        return [Ballot("both_bad", *pair) for pair in combinations(sides, 2)]
    best = int(verdict)
    return [
        Ballot("left", sides[best], other) if best < number else Ballot("right", other, sides[best])
        for number, other in enumerate(sides)
        if number != best
    ]


async def cast(room: Room, round_: Round, verdict: Verdict, *, shared: bool = True) -> str:
    """Reveals the names and keeps the votes; a sentence when nothing is kept, else "".

    It never raises: a gateway that is away does not spoil the reveal. A round is voted on once.
    """
    if round_.verdict is not None:
        return ""
    blind = not round_.revealed
    round_.verdict = verdict
    round_.reveal()
    try:
        for ballot in ballots(round_, verdict):
            await room.vote(ballot.choice, ballot.left, ballot.right, blind=blind, shared=shared)
    except ChatError as error:
        return f"This vote is not kept. {error.message}"
    return ""
