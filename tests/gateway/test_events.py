"""Event borders survive any split of the bytes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway import events
from gateway.events import EventCutter, EventTooLong, event_data, split_events

TEXTS = st.sampled_from(
    [b"data: a", b": comment", b"event: x\ndata: {}", b"data: \xc3\xa4\xe2\x82\xac", b"id: 1", b""]
)
ENDS = st.sampled_from([b"\n\n", b"\r\n\r\n", b"\r\r"])


@given(
    st.lists(st.tuples(TEXTS, ENDS), max_size=8), st.sampled_from([b"", b"data: open"]), st.data()
)
def test_no_split_loses_or_changes_a_byte(
    parts: list[tuple[bytes, bytes]], rest: bytes, data: st.DataObject
) -> None:
    stream = b"".join(text + end for text, end in parts) + rest
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=12)))
    cutter = EventCutter()
    out = []
    for start, end in zip([0, *cuts], [*cuts, len(stream)], strict=True):
        run = cutter.feed(stream[start:end])
        assert run == b"" or run.endswith((b"\n\n", b"\r\n\r\n", b"\r\r"))
        out.append(run)
    assert b"".join(out) + cutter.rest() == stream


def test_a_whole_event_passes_at_once() -> None:
    cutter = EventCutter()
    assert cutter.feed(b"data: 1\n\n") == b"data: 1\n\n"
    assert cutter.feed(b"data: 2\n\nda") == b"data: 2\n\n"
    assert cutter.feed(b"ta: 3\r\n") == b""
    assert cutter.feed(b"\r\n") == b"data: 3\r\n\r\n"


def test_a_line_without_end_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "MAX_EVENT_BYTES", 100)
    cutter = EventCutter()
    cutter.feed(b"x" * 90)
    with pytest.raises(EventTooLong):
        cutter.feed(b"x" * 90)


def test_events_of_a_run_come_one_by_one() -> None:
    run = b"data: 1\n\nevent: e\r\ndata: 2\r\n\r\n: c\n\n"
    assert list(split_events(run)) == [b"data: 1\n\n", b"event: e\r\ndata: 2\r\n\r\n", b": c\n\n"]
    assert event_data(b"event: e\r\ndata: 2\r\ndata:3\r\n\r\n") == b"2\n3"
