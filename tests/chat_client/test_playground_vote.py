"""Votes of the playground: what each verdict is worth, and that the real gateway keeps it."""

from __future__ import annotations

import pytest
from pydantic import SecretStr

from chat_client import (
    Asked,
    ChatError,
    ChatSettings,
    Entry,
    Pane,
    Reply,
    Room,
    Round,
    Sampling,
    Turn,
    blocking,
    cast,
    leaderboard,
    no_vote_because,
    verdicts,
)
from chat_client.background import Answer
from chat_client.playground import LETTERS, labelled
from chat_client.playground_vote import ballots
from tests.running import Service, free_port


def ended(*asked: Asked, blind: bool = True, text: str = "Yes.") -> Round:
    """A round in which everybody has answered."""
    panes = []
    for each, letter in zip(labelled(asked), LETTERS, strict=False):
        entry = Entry("assistant", text, model=each.model)
        reply = Reply(Turn((), entry), Answer(ChatSettings()))
        panes.append(Pane(each, reply, f"Model {letter}"))
    return Round("Hello", panes, blind)


def pairs(round_: Round, verdict: int | str) -> list[tuple[str, str, str]]:
    return [(each.left.model, each.choice, each.right.model) for each in ballots(round_, verdict)]


def test_of_two_each_verdict_is_one_vote() -> None:
    two = ended(Asked("a"), Asked("b"))
    assert [verdict for verdict, _ in verdicts(two)] == [0, 1, "tie", "both_bad"]
    assert pairs(two, 0) == [("a", "left", "b")]
    assert pairs(two, 1) == [("a", "right", "b")]
    assert pairs(two, "tie") == [("a", "tie", "b")]
    assert pairs(two, "both_bad") == [("a", "both_bad", "b")]


def test_of_three_the_best_beats_each_of_the_others() -> None:
    three = ended(Asked("a"), Asked("b"), Asked("c"))
    assert [words for _, words in verdicts(three)] == [
        "First is best",
        "Second is best",
        "Third is best",
        "Tie",
        "All bad",
    ]
    assert pairs(three, 1) == [("a", "right", "b"), ("b", "left", "c")]
    assert len(pairs(three, "tie")) == 3


def test_there_is_no_vote_without_all_answers_or_between_the_same() -> None:
    assert no_vote_because(ended(Asked("a"), Asked("b"))) == ""
    assert "missing" in no_vote_because(ended(Asked("a"), Asked("b"), text=""))
    assert "same model" in no_vote_because(ended(Asked("a"), Asked("a")))
    coming = ended(Asked("a"), Asked("b"))
    coming.panes[0].entry.state = "coming"
    assert "all answers" in no_vote_because(coming)
    failed = ended(Asked("a"), Asked("b"))
    failed.panes[0].entry.error = ChatError("Cut off.")
    assert "missing" in no_vote_because(failed)


def test_a_vote_reveals_is_kept_once_and_counts(gateway: Service, gateway_key: str) -> None:
    room = Room(ChatSettings(gateway_url=gateway.url, gateway_key=SecretStr(gateway_key)))
    cold = Asked("vote-model", Sampling(temperature=0.0))
    hot = Asked("vote-model", Sampling(temperature=1.5))
    round_ = ended(cold, hot)
    assert blocking(cast(room, round_, 1)) == ""
    assert round_.revealed
    assert blocking(cast(room, round_, 1)) == ""  # Clicked twice, counted once.
    assert "voted" in no_vote_because(round_)
    standings = [s for s in leaderboard(blocking(room.totals("own"))) if s.model == "vote-model"]
    assert [(s.label, s.wins, s.losses) for s in standings] == [
        ("Temperature 1.5", 1, 0),
        ("Temperature 0", 0, 1),
    ]
    assert standings[0].low < standings[0].score < standings[0].high


@pytest.mark.parametrize("verdict", [0, "tie"])
def test_without_the_gateway_the_names_are_revealed_and_nothing_is_kept(
    verdict: int | str,
) -> None:
    key = SecretStr("lk-none")
    away = Room(ChatSettings(gateway_url=f"http://127.0.0.1:{free_port()}", gateway_key=key))
    round_ = ended(Asked("a"), Asked("b"))
    assert "not kept" in blocking(cast(away, round_, verdict))
    assert round_.revealed
