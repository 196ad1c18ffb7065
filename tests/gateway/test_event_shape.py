"""Events of a known shape are taken unparsed; what is not plainly one of them is not.

Real parts: the shape and orjson, which has to agree with it.
"""

from __future__ import annotations

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.event_shape import EventShape

CHAT = (
    b'data: {"id":"c1","choices":[{"index":0,"delta":{"content":"%b"},"finish_reason":null}]}\n\n'
)
SPACED = b'data: {"type": "content_block_delta", "delta": {"type": "text_delta", "text": "%b"}}\n\n'
NAMED = b'event: response.text.delta\ndata: {"type":"response.text.delta","delta":"%b"}\n\n'
THOUGHT = b'data: {"choices":[{"delta":{"reasoning_content":"%b","role":null}}]}\n\n'


def learned(form: bytes) -> EventShape:
    """A shape that has seen one event."""
    shape = EventShape()
    shape.learn(form % b"Once")
    return shape


@pytest.mark.parametrize("form", [CHAT, SPACED, NAMED, THOUGHT])
@pytest.mark.parametrize("texts", [[b" upon"], [b""], [b" a", b" time,", b"", b" {there}: [was]"]])
def test_events_of_one_shape_are_counted(form: bytes, texts: list[bytes]) -> None:
    assert learned(form).events_in(b"".join(form % text for text in texts)) == len(texts)


@pytest.mark.parametrize(
    "piece",
    [
        CHAT % b'","error":"',
        CHAT % b"a\\",
        CHAT % b"a\nb",
        CHAT % b"\xc3",
        CHAT % "é".encode(),
        CHAT[:-1] % b"no end",
        (CHAT % b"half")[:40],
        (CHAT % b"")[:-30] + (CHAT % b"")[-20:],
        CHAT % b"one" + b"data: [DONE]\n\n",
        CHAT % b"one" + b": a comment\n\n" + CHAT % b"two",
        CHAT % b"one" + CHAT.replace(b"null", b'"stop"') % b"two",
        CHAT % b"one" + CHAT.replace(b"}]}", b'}],"usage":{}}') % b"two",
        SPACED % b"another protocol's",
        b"",
        *(CHAT % bytes([each]) for each in (*range(32), 34, 92, 128, 255)),
    ],
)
def test_anything_else_is_left_to_the_parser(piece: bytes) -> None:
    assert learned(CHAT).events_in(piece) == 0


def test_nothing_is_known_before_an_event_was_parsed() -> None:
    assert EventShape().events_in(CHAT % b"Once") == 0


def test_an_event_without_a_text_teaches_nothing() -> None:
    shape = EventShape()
    shape.learn(b'data: {"choices":[{"delta":{"content":null}}]}\n\n')
    assert shape.events_in(b'data: {"choices":[{"delta":{"content":null}}]}\n\n') == 0


# Bytes that borders are made of, so that pieces which nearly fit come up often.
_BITS = [
    b'"',
    b"\\",
    b"}",
    b"{",
    b":",
    b",",
    b"\n",
    b"\n\n",
    b"data: ",
    b"x",
    b'"content":"',
    b"\xc3",
]


@given(st.lists(st.sampled_from([*_BITS, CHAT[:60], CHAT % b"x", (CHAT % b"")[-45:]]), max_size=8))
def test_what_is_counted_is_json_with_another_text_only(bits: list[bytes]) -> None:
    piece = CHAT[: CHAT.index(b"%b")] + b"".join(bits) + CHAT[CHAT.index(b"%b") + 2 :]
    count = learned(CHAT).events_in(piece)
    if not count:
        return
    events = piece[:-2].split(b"\n\n")
    assert len(events) == count
    for event in events:
        document = orjson.loads(event.removeprefix(b"data: "))
        text = document["choices"][0]["delta"].pop("content")
        assert isinstance(text, str)
        expected = orjson.loads((CHAT % b"").removeprefix(b"data: "))
        expected["choices"][0]["delta"].pop("content")
        assert document == expected
