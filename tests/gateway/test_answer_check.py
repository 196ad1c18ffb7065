"""What is told apart in an answer: readable or not, an error or not, the end or a word of it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.answer_check import StreamCheck, read_whole
from gateway.errors import ModelServerUnreadable, status_of
from gateway.usage import UsageMeter

DONE, TYPES = ("[DONE]",), ("response.completed", "response.failed")
CHUNK = b'data: {"choices":[{"delta":{"content":"x"}}]}\n\n'
ERROR = b'event: error\ndata: {"type":"error","error":{"message":"Compute error."}}\n\n'
COMPLETED = b'event: response.completed\ndata: {"type":"response.completed"}\n\n'


def looked_at(run: bytes, marks: tuple[str, ...] = DONE, *, goes_on: bool = False) -> StreamCheck:
    """A check that has seen a good event and then the run."""
    check = StreamCheck(marks, UsageMeter(0), goes_on=goes_on)
    assert check.take(CHUNK) == CHUNK
    passed = check.take(run)
    assert passed == run or (check.error and run.startswith(passed))
    return check


@pytest.mark.parametrize(
    "run",
    [
        CHUNK,
        CHUNK * 3,
        b": a comment\n\n",
        b"event: x\nid: 1\nretry: 5\n\n",
        b'data: {"a":\ndata: 1}\n\n',
        b'data:{"a":1}\r\n\r\n',
        b'data: {"a":1}\r\r',
        b'data: {"error":null}\n\n',
        'data: {"text":"\u2028\u0085 ä"}\n\n'.encode(),
        b'event: response.created\ndata: {"type":"response.created"}\n\n',
    ],
)
def test_what_can_be_read_passes(run: bytes) -> None:
    for marks in (DONE, TYPES):
        check = looked_at(run, marks)
        assert (check.ended, check.error, check.told) == (False, None, None)


@pytest.mark.parametrize(
    ("run", "marks"),
    [
        (b"data: [DONE]\n\n", DONE),
        (b"data:[DONE]\r\n\r\n", DONE),
        (CHUNK + b"data: [DONE]\n\n: bye\n\n", DONE),
        (COMPLETED, TYPES),
        (b'data: {"type":"response.failed"}\n\n', TYPES),
    ],
)
def test_the_end_is_seen(run: bytes, marks: tuple[str, ...]) -> None:
    check = looked_at(run, marks)
    assert (check.ended, check.error) == (True, None)


@pytest.mark.parametrize(
    "text", ["[DONE]", "data: [DONE]", "response.completed", r"\n\ndata: [DONE]\n\n"]
)
def test_a_model_may_write_about_the_end(text: str) -> None:
    run = b'data: {"choices":[{"delta":{"content":"%s"}}]}\n\n' % text.encode()
    for marks in (DONE, TYPES):
        check = looked_at(run, marks)
        assert (check.ended, check.error, check.told) == (False, None, None)


@pytest.mark.parametrize(
    "run",
    [
        b"data: nonsense\n\n",
        b'data: {"a": [}\n\n',
        b"data: 5\n\n",
        b'data: {"x":"\xff"}\n\n',
        b"<html>\n\n",
        b": \xff\n\n",
        CHUNK + b"data: {\n\n",
    ],
)
def test_what_no_sdk_can_read_is_an_error(run: bytes) -> None:
    check = looked_at(run)
    assert isinstance(check.error, ModelServerUnreadable)
    assert check.take(CHUNK + run) == CHUNK + (CHUNK if run.startswith(CHUNK) else b"")


@pytest.mark.parametrize(
    "run",
    [
        b'event: error\ndata: {"error":{"message":"Compute error."},"message":"x"}\n\n',
        b'event: error\ndata: {"type":"error","error":{"type":"x","message":"Compute error."}}\n\n',
        b'event: error\ndata: {"type":"error","code":"x","message":"Compute error."}\n\n',
        b'data: {"error":{"message":"Compute error."}}\n\n',
        b'data: {"error":"Compute error."}\r\n\r\n',
    ],
)
def test_an_error_is_one_in_every_shape(run: bytes) -> None:
    for before in (b"", CHUNK, b": comment\n\n" + CHUNK):
        check = StreamCheck(DONE, UsageMeter(0))
        assert check.take(before + run) == before
        assert check.error
        assert check.error.message == "Compute error."
        assert status_of(check.error) == 502


def test_an_error_without_words_is_still_one() -> None:
    check = looked_at(b"event: error\ndata: terminated\n\n")
    assert check.error
    assert "broke off with an error" in check.error.message


def test_an_api_that_goes_on_after_an_error_is_let_to() -> None:
    check = looked_at(ERROR + COMPLETED, TYPES, goes_on=True)
    assert (check.ended, check.error) == (True, None)
    assert check.told
    assert check.told.message == "Compute error."
    first = StreamCheck(TYPES, UsageMeter(0), goes_on=True)
    assert first.take(ERROR) == b""
    assert first.error


USAGE = b'data: {"choices":[],"usage":{"prompt_tokens":3,"completion_tokens":2}}\n\n'
DELTA = b'event: content_block_delta\ndata: {"type":"content_block_delta","delta":{}}\n\n'
PARTS = [CHUNK, DELTA, ERROR, COMPLETED, USAGE, b"data: [DONE]\n\n", b"data: {\n\n", b": x\n\n"]
PARTS += [
    b"\n\n",
    b"data: 5\n\n",
    b'data: {"a":1}\r\n\r\n',
    b"data: {",
    b'data: {"a":\ndata: 1}\n\n',
]
PARTS += [
    b'event: \xff\ndata: {"a":1}\n\n',
    b'data: {"error":"e"}\n\n',
    b'data: {"type":"error"}\n\n',
]


@given(st.lists(st.sampled_from(PARTS), max_size=4), st.sampled_from([DONE, TYPES]))
def test_usual_events_are_those_that_pass_without_a_word(
    parts: list[bytes], marks: tuple[str, ...]
) -> None:
    """The short way may only be taken where the long one would do nothing but pass the bytes."""
    piece = b"".join(parts)
    meter = UsageMeter(400)
    check = StreamCheck(marks, meter, drop_usage=True)
    usual = check.usual_events(piece)
    assert (meter.events, meter.usage.total) == (0, 100)  # it only looks
    if usual:
        assert check.take(piece) == piece
        assert (check.ended, check.error, check.told) == (False, None, None)
        assert (meter.events, meter.usage.exact) == (usual, False)
    elif parts:
        assert set(parts) - {CHUNK, DELTA}


def test_chunks_and_deltas_are_usual() -> None:
    check = StreamCheck(DONE, UsageMeter(0))
    assert [check.usual_events(run) for run in (CHUNK, DELTA, CHUNK + DELTA + CHUNK)] == [1, 1, 3]


def test_the_usage_that_only_the_gateway_asked_for_is_left_out() -> None:
    meter = UsageMeter(400)
    check = StreamCheck(DONE, meter, drop_usage=True)
    assert check.take(CHUNK + USAGE + b"data: [DONE]\n\n") == CHUNK + b"data: [DONE]\n\n"
    assert (meter.usage.prompt_tokens, meter.usage.completion_tokens) == (3, 2)
    assert StreamCheck(DONE, meter).take(USAGE) == USAGE


@pytest.mark.parametrize("body", [b"", b"<html>", b'{"a": [1', b'{"a": "\xff"}', b"{} {}"])
def test_an_answer_that_is_not_json(body: bytes) -> None:
    with pytest.raises(ModelServerUnreadable):
        read_whole(body)
