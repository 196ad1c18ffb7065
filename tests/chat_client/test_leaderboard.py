"""The leaderboard: known cases, and that its intervals hold as often as they say."""

from __future__ import annotations

import math
import random

from chat_client.leaderboard import leaderboard
from chat_client.room_values import Name, Pair, Totals


def totals(*pairs: tuple[str, str, int, int, int, int]) -> Totals:
    made = [
        Pair(a=Name(model=a), b=Name(model=b), a_wins=won, b_wins=lost, ties=ties, both_bad=bad)
        for a, b, won, lost, ties, bad in pairs
    ]
    return Totals(votes=sum(sum(pair[2:]) for pair in pairs), pairs=tuple(made))


def test_no_votes_are_no_lines() -> None:
    assert leaderboard(totals()) == []


def test_equals_stand_equal_and_both_bad_moves_nobody() -> None:
    first, second = leaderboard(totals(("a", "b", 5, 5, 3, 100)))
    assert math.isclose(first.score, 1000, abs_tol=1e-6)
    assert math.isclose(second.score, 1000, abs_tol=1e-6)
    assert (first.games, first.wins, first.losses, first.ties, first.both_bad) == (
        113,
        5,
        5,
        3,
        100,
    )


def test_many_votes_give_the_known_odds() -> None:
    best, worst = leaderboard(totals(("a", "b", 9_000, 1_000, 0, 0)))
    assert best.model == "a"
    assert abs(best.score - worst.score - 400 * math.log10(9)) < 2


def test_one_win_is_no_certainty_and_more_votes_narrow_it() -> None:
    once = leaderboard(totals(("a", "b", 1, 0, 0, 0)))
    often = leaderboard(totals(("a", "b", 60, 40, 0, 0)))
    assert once[0].low < once[1].high
    assert once[0].high - once[0].low > often[0].high - often[0].low
    always = leaderboard(totals(("a", "b", 500, 0, 0, 0)))
    assert all(math.isfinite(each.low + each.high) for each in always)


def test_two_who_never_met_are_compared_through_a_third() -> None:
    table = leaderboard(totals(("a", "b", 30, 10, 0, 0), ("b", "c", 30, 10, 0, 0)))
    assert [each.model for each in table] == ["a", "b", "c"]


def test_the_intervals_hold_about_as_often_as_they_say() -> None:
    dice = random.Random(101)  # noqa: S311 (a simulation)
    true = {"a": 0.6, "b": 0.0, "c": -0.6}
    inside = rounds = 0
    for _ in range(150):
        pairs = []
        for x, y in (("a", "b"), ("b", "c"), ("a", "c")):
            chance = 1 / (1 + math.exp(true[y] - true[x]))
            won = sum(dice.random() < chance for _ in range(40))
            pairs.append((x, y, won, 40 - won, 0, 0))
        for each in leaderboard(totals(*pairs)):
            real = 1000 + 400 / math.log(10) * true[each.model]
            inside += each.low <= real <= each.high
            rounds += 1
    assert inside / rounds > 0.9
