"""What a process remembers of rounds that a page may come back to."""

from __future__ import annotations

from chat_client import Recent


def test_the_oldest_that_has_ended_is_forgotten_and_what_runs_is_kept() -> None:
    running = {"first"}
    recent: Recent[str] = Recent(lambda thing: thing not in running, most=2)
    ids = [recent.keep(thing) for thing in ("first", "second", "third")]
    assert [recent.get(id_) for id_ in ids] == ["first", None, "third"]
    assert recent.get("") is None
    assert len(set(ids)) == 3
