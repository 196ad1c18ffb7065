"""Event borders survive any split of the bytes; usage is found wherever a protocol states it."""

from __future__ import annotations

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway import events
from gateway.events import EventCutter, EventTooLong, event_data, split_events
from gateway.usage import UsageMeter, is_usage_only

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


@pytest.mark.parametrize(
    ("event", "read", "written"),
    [
        ({"choices": [], "usage": {"prompt_tokens": 12, "completion_tokens": 3}}, 12, 3),
        (
            {
                "type": "response.completed",
                "response": {"usage": {"input_tokens": 5, "output_tokens": 7}},
            },
            5,
            7,
        ),
        (
            {
                "type": "chat.end",
                "result": {"stats": {"input_tokens": 9, "total_output_tokens": 12}},
            },
            9,
            12,
        ),
    ],
)
def test_usage_is_read_from_an_event(event: dict[str, object], read: int, written: int) -> None:
    meter = UsageMeter(400)
    meter.see_events(b'data: {"choices":[{"delta":{"content":"x"}}]}\n\n')
    assert (meter.usage.total, meter.usage.exact) == (101, False)
    meter.see_events(b"data: " + orjson.dumps(event) + b"\n\n")
    assert (meter.usage.prompt_tokens, meter.usage.completion_tokens) == (read, written)
    assert meter.usage.exact


def test_usage_of_messages_comes_in_two_events() -> None:
    meter = UsageMeter(40)
    start = {"type": "message_start", "message": {"usage": {"input_tokens": 9, "output_tokens": 1}}}
    delta = {"type": "message_delta", "usage": {"output_tokens": 30}}
    for event in (start, delta):
        meter.see_events(b"event: x\ndata: " + orjson.dumps(event) + b"\n\n")
    assert (meter.usage.prompt_tokens, meter.usage.completion_tokens) == (9, 30)


def test_zeros_mean_not_counted() -> None:
    """LM Studio reports no usage for embeddings: the estimate stays and is called one."""
    meter = UsageMeter(400)
    meter.see_answer({"data": [], "usage": {"prompt_tokens": 0, "total_tokens": 0}})
    assert (meter.usage.prompt_tokens, meter.usage.exact) == (100, False)


@pytest.mark.parametrize(
    "answer", [b"", b"[1]", b'{"usage": 3}', b'{"usage": {"prompt_tokens": "x"}}', b'{"usage"']
)
def test_nonsense_is_no_usage(answer: bytes) -> None:
    meter = UsageMeter(400)
    meter.see_events(b"data: " + answer + b"\n\n")
    assert meter.usage.prompt_tokens == 100


def test_only_the_extra_chunk_is_usage_only() -> None:
    assert is_usage_only(b'data: {"choices":[],"usage":{"prompt_tokens":1}}\n\n')
    assert not is_usage_only(b'data: {"choices":[],"usage":null}\n\n')
    assert not is_usage_only(b'data: {"choices":[{"delta":{}}],"usage":{"prompt_tokens":1}}\n\n')
    assert not is_usage_only(b'data: "choices" "usage"\n\n')
