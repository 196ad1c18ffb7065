"""A round of the playground: who is asked what, one stop for all, names hidden, where they part."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest

from chat_client import Asked, ChatError, ChatSettings, Model, Round, Sampling, demos, labelled
from chat_client.playground import parted
from tests.chat_client.upstream import Cut, Hang, Part, Upstream, chunk, event, spoken, upstream
from tests.running import wait_until


@pytest.fixture
def server() -> Iterator[Upstream]:
    with upstream() as running:
        yield running


def begin(server: Upstream, *asked: Asked, blind: bool = False) -> Round:
    return Round.start(ChatSettings(lmstudio_url=server.url), "Hello", asked, blind=blind)


def finished(round_: Round) -> Round:
    def over() -> bool:
        round_.take()
        return not round_.open

    wait_until(over, "the end of the round")
    return round_


def lines(round_: Round) -> list[str]:
    """What each pane says while it waits."""
    return [round_.waiting(pane).line for pane in round_.panes]


def test_each_is_asked_the_same_with_settings_of_its_own(server: Upstream) -> None:
    server.script = lambda body: spoken(f"I am {body['model']}.")
    cold, hot = Asked("tiny", Sampling(temperature=0.0)), Asked("big", Sampling(temperature=1.5))
    round_ = finished(begin(server, cold, hot))
    assert [pane.entry.text for pane in round_.panes] == ["I am tiny.", "I am big."]
    assert {(each["model"], each["temperature"]) for each in server.requests} == {
        ("tiny", 0.0),
        ("big", 1.5),
    }
    assert {str(each["messages"]) for each in server.requests} == {
        str([{"role": "user", "content": "Hello"}])
    }
    assert "tokens/s" in round_.numbers(round_.panes[0])


@pytest.mark.parametrize("first", [[], [chunk("One")]])
def test_one_stop_closes_every_upstream(server: Upstream, first: list[bytes]) -> None:
    server.script = lambda _: [*first, Hang()]
    round_ = begin(server, *(Asked(f"model-{number}") for number in range(4)))
    wait_until(lambda: server.active == 4, "all four to be asked")
    wait_until(lambda: round_.take() or not first, "what came")
    round_.stop()
    wait_until(lambda: server.active == 0, "every upstream to be closed")
    assert server.abandoned == 4
    assert not round_.open
    assert {pane.entry.state for pane in round_.panes} == {"stopped"}


@pytest.mark.parametrize("blind", [False, True])
def test_a_model_that_two_wait_for_is_loaded_once_and_both_tell(
    server: Upstream, blind: bool
) -> None:
    loaded = threading.Event()

    def script(body: dict[str, Any]) -> list[Part]:
        if "input" not in body:
            return spoken(f"I am {body['model']}.")
        share = event({"type": "model_load.progress", "progress": 0.42})
        return [share] if loaded.is_set() else [share, Hang()]

    server.script = script
    settings = ChatSettings(lmstudio_url=server.url)
    asked = [Asked("big", Sampling(temperature=heat)) for heat in (0.0, 1.0)]
    round_ = Round.start(settings, "Hello", asked, blind=blind, to_load={"big"})
    wait_until(lambda: all("42%" in line for line in lines(round_)), "both to tell", 10)
    assert ["input" in body for body in server.requests] == [True]
    round_.stop()
    wait_until(lambda: server.active == 0, "the load to be let go", 10)
    loaded.set()
    again = finished(Round.start(settings, "Hello", asked, to_load={"big"}))
    assert [pane.entry.text for pane in again.panes] == ["I am big."] * 2
    assert ["input" in body for body in server.requests[1:]] == [True, False, False]


def test_who_loads_is_not_told_while_the_names_are_hidden(server: Upstream) -> None:
    share = event({"type": "model_load.progress", "progress": 0.42})
    server.script = lambda body: [share, Hang()] if "input" in body else [Hang()]
    settings = ChatSettings(lmstudio_url=server.url)
    asked = [Asked("awake"), Asked("asleep")]
    round_ = Round.start(settings, "Hello", asked, blind=True, to_load={"asleep"})
    wait_until(lambda: any("42%" in line for line in lines(round_)), "the share", 10)
    assert len(set(lines(round_))) == 1
    round_.reveal()
    assert len(set(lines(round_))) == 2
    round_.stop()


def test_one_that_fails_leaves_the_other_alone(server: Upstream) -> None:
    server.script = lambda body: (
        [chunk("Half"), Cut()] if body["model"] == "bad" else spoken("Whole.")
    )
    good, bad = finished(begin(server, Asked("good"), Asked("bad"))).panes
    assert (good.entry.text, good.entry.error) == ("Whole.", None)
    assert bad.entry.state == "failed"
    assert bad.entry.error is not None


def test_a_blind_round_tells_neither_name_nor_speed(server: Upstream) -> None:
    server.script = lambda body: spoken(f"I am {body['model']}.")
    round_ = finished(begin(server, Asked("tiny"), Asked("big"), blind=True))
    assert [round_.name(pane) for pane in round_.panes] == ["Model A", "Model B"]
    assert not any(round_.numbers(pane) for pane in round_.panes)
    round_.reveal()
    for pane in round_.panes:
        assert pane.entry.text == f"I am {round_.name(pane)}."
        assert "tokens/s" in round_.numbers(pane)


def test_a_blind_round_is_shuffled(server: Upstream) -> None:
    server.script = lambda _: spoken("Yes.")

    def first() -> str:
        round_ = finished(begin(server, Asked("tiny"), Asked("big"), blind=True))
        return round_.panes[0].asked.model

    # Forty rounds in one order would come once in half a million million times.
    assert {first() for _ in range(40)} == {"tiny", "big"}


@pytest.mark.parametrize("count", [0, 1, 5])
def test_a_round_of_one_or_five_is_refused(server: Upstream, count: int) -> None:
    with pytest.raises(ChatError, match="2 to 4"):
        begin(server, *(Asked("tiny") for _ in range(count)))
    assert server.requests == []


def test_a_label_holds_what_is_not_everybodys() -> None:
    asked = [
        Asked("a", Sampling(temperature=0.0, seed=1, top_p=0.9)),
        Asked("a", Sampling(temperature=1.5, seed=1, top_p=0.9)),
        Asked("b", Sampling(temperature=1.5, seed=1, top_p=0.9, stop=("END",))),
    ]
    assert [each.name for each in labelled(asked)] == [
        "a · Temperature 0",
        "a · Temperature 1.5",
        "b · Temperature 1.5 · Stop strings set",
    ]
    assert [each.label for each in labelled([Asked("a"), Asked("b")])] == ["", ""]


def test_answers_part_at_a_word() -> None:
    assert parted(["A red fox.", "A red fog."]) == [("A red ", "fox."), ("A red ", "fog.")]
    assert parted(["Same.", "Same."]) == [("Same.", ""), ("Same.", "")]
    assert parted(["one two three", "one two four", "one five"]) == [
        ("one ", "two three"),
        ("one two ", "four"),
        ("one ", "five"),
    ]


def model(id_: str, quantization: str | None = None, refused: str = "") -> Model:
    return Model(id_, id_, loaded=True, quantization=quantization, refused=refused)


def test_the_demos_take_what_is_there() -> None:
    models = [
        model("lectern-101@q8_0", "Q8_0"),
        model("lectern-101@q4_0", "Q4_0"),
        model("lectern-101@f16", "F16"),
        model("other-7b-q4_k_m", "Q4_K_M"),
    ]
    temperature, quantization, two = demos(models)
    assert [each.sampling.temperature for each in temperature.asked] == [0.0, 1.5]
    assert {each.model for each in temperature.asked} == {"lectern-101@q8_0"}
    assert quantization.name == "Q4_0 against F16"
    assert [each.model for each in quantization.asked] == ["lectern-101@q4_0", "lectern-101@f16"]
    assert {each.sampling for each in quantization.asked} == {Sampling(temperature=0.0, seed=42)}
    assert [each.model for each in two.asked] == ["lectern-101@q8_0", "other-7b-q4_k_m"]
    assert not any(demo.problem for demo in (temperature, quantization, two))


def test_a_demo_that_is_not_possible_says_what_is_missing() -> None:
    one = [model("lectern-101", "Q8_0"), model("big", "Q8_0", refused="Not for this key.")]
    temperature, quantization, two = demos(one)
    assert temperature.problem == ""
    assert "two quantizations" in quantization.problem
    assert "second" in two.problem
    assert all(demo.problem for demo in demos([]))
