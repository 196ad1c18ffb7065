"""Who is better, from votes on pairs: Bradley-Terry scores with their confidence intervals.

Owns the estimate. A tie is half a win for each side; both bad says nothing about who is better.
Each contestant also gets one tie against an average one, so that a single win is no certainty.
The model: R. A. Bradley and M. E. Terry, Biometrika 39 (1952), 324-345.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from chat_client.room_values import Name, Totals

AVERAGE, POINTS_PER_LOGIT = 1000.0, 400 / math.log(10)  # the scale of chess: 400 points are 10 to 1
Z_95 = 1.959964
STEPS, CLOSE_ENOUGH, LONGEST_STEP = 100, 1e-10, 2.0
Matrix = list[list[float]]


@dataclass(frozen=True, slots=True)
class Standing:
    """One line of the leaderboard; with 95 % confidence the true score lies from low to high."""

    model: str
    label: str
    score: float
    low: float
    high: float
    games: int
    wins: int
    losses: int
    ties: int
    both_bad: int


def leaderboard(totals: Totals) -> list[Standing]:
    """Everybody who was voted on, the best first."""
    names = sorted({_key(name) for pair in totals.pairs for name in (pair.a, pair.b)})
    place = {name: number for number, name in enumerate(names)}
    wins: Matrix = [[0.0] * len(names) for _ in names]
    tally = [[0, 0, 0, 0] for _ in names]  # wins, losses, ties, both bad
    for pair in totals.pairs:
        a, b = place[_key(pair.a)], place[_key(pair.b)]
        if a == b:  # the same model under the same label: it cannot beat itself
            continue
        wins[a][b] += pair.a_wins + pair.ties / 2
        wins[b][a] += pair.b_wins + pair.ties / 2
        for who, won, lost in ((a, pair.a_wins, pair.b_wins), (b, pair.b_wins, pair.a_wins)):
            counted = (won, lost, pair.ties, pair.both_bad)
            tally[who] = [old + new for old, new in zip(tally[who], counted, strict=True)]
    strengths, errors = _estimate(wins)
    standings = [
        _standing(name, strengths[number], errors[number], tally[number])
        for number, name in enumerate(names)
    ]
    return sorted(standings, key=lambda standing: -standing.score)


def _key(name: Name) -> tuple[str, str]:
    return name.model, name.label


def _standing(name: tuple[str, str], strength: float, error: float, counts: list[int]) -> Standing:
    score = AVERAGE + POINTS_PER_LOGIT * strength
    margin = POINTS_PER_LOGIT * Z_95 * error
    won, lost, ties, both_bad = counts
    games = sum(counts)
    return Standing(*name, score, score - margin, score + margin, games, won, lost, ties, both_bad)


def _estimate(wins: Matrix) -> tuple[list[float], list[float]]:
    """Each one's strength in logits and its standard error, by Newton's method."""
    strengths = [0.0] * len(wins)
    for _ in range(STEPS):
        slope, curve = _derivatives(wins, strengths)
        inverse = _inverse(curve)
        step = [sum(x * y for x, y in zip(row, slope, strict=True)) for row in inverse]
        longest = max(map(abs, step), default=0.0)
        scale = min(1.0, LONGEST_STEP / longest) if longest else 1.0
        strengths = [old + scale * new for old, new in zip(strengths, step, strict=True)]
        if longest < CLOSE_ENOUGH:
            break
    _, curve = _derivatives(wins, strengths)
    return strengths, [math.sqrt(row[number]) for number, row in enumerate(_inverse(curve))]


def _derivatives(wins: Matrix, strengths: list[float]) -> tuple[list[float], Matrix]:
    """The likelihood's slope, and its negative curvature: the Fisher information."""
    size = len(wins)
    slope = [0.0] * size
    curve = [[0.0] * size for _ in range(size)]
    for i in range(size):
        chance = _chance(strengths[i])  # of beating the average one, in the one tie with it
        slope[i] += 0.5 - chance
        curve[i][i] += chance * (1 - chance)
        for j in range(size):
            played = wins[i][j] + wins[j][i]
            if i == j or not played:
                continue
            chance = _chance(strengths[i] - strengths[j])
            slope[i] += wins[i][j] - played * chance
            curve[i][i] += played * chance * (1 - chance)
            curve[i][j] -= played * chance * (1 - chance)
    return slope, curve


def _chance(difference: float) -> float:
    return 1 / (1 + math.exp(-max(-30.0, min(30.0, difference))))


def _inverse(matrix: Matrix) -> Matrix:
    """By elimination; the matrix is positive definite, so no row has to be exchanged."""
    size = len(matrix)
    rows = [[*row, *(1.0 if i == j else 0.0 for j in range(size))] for i, row in enumerate(matrix)]
    for i in range(size):
        pivot = rows[i][i]
        rows[i] = [value / pivot for value in rows[i]]
        for j in range(size):
            if i != j and rows[j][i]:
                factor = rows[j][i]
                rows[j] = [x - factor * y for x, y in zip(rows[j], rows[i], strict=True)]
    return [row[size:] for row in rows]
