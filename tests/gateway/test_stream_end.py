"""A stream's end is told from an answer that speaks of one."""

from __future__ import annotations

import threading
from pathlib import Path

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.answer_check import StreamCheck
from gateway.routes import RELAYED
from gateway.usage import UsageMeter
from tests.event_lines import event_lines
from tests.fault_upstream import Exchange, fault_upstream
from tests.gateway.conftest import gateway_before

CHAT = "/v1/chat/completions"
MARKS = {route.path: route.end_marks for route in RELAYED if route.end_marks}
WORDS = sorted({mark for marks in MARKS.values() for mark in marks})
SPEECH = st.lists(st.sampled_from([*WORDS, "\n\ndata: ", '"type":', '"', "\\", "event: "])).map(
    "".join
)


def ends(path: str, run: bytes) -> bool:
    check = StreamCheck(MARKS[path], UsageMeter(0))
    assert check.take(run) == run
    return check.ended


@pytest.mark.parametrize(
    ("path", "event"),
    [
        (CHAT, b"data: [DONE]\n\n"),
        (CHAT, b"data:[DONE]\r\n\r\n"),
        ("/v1/messages", b'event: message_stop\ndata: {"type":"message_stop"}\n\n'),
        ("/v1/messages", b'data: {"type": "message_stop"}\n\n'),
        ("/v1/responses", b'event: response.failed\ndata: {"type":"response.failed"}\n\n'),
        ("/api/v1/chat", b'event: chat.end\ndata: {"type":"chat.end","result":{}}\n\n'),
    ],
)
def test_an_end_is_seen_behind_other_events(path: str, event: bytes) -> None:
    assert ends(path, b'data: {"x":1}\n\n: comment\n\n' + event)


@given(st.sampled_from(sorted(MARKS)), SPEECH)
def test_no_text_is_an_end(path: str, text: str) -> None:
    chunk = {"choices": [{"delta": {"content": text}}], "delta": {"text": text}, "type": "delta"}
    event = b"event: delta\ndata: " + orjson.dumps(chunk) + b"\n\n"
    assert not ends(path, event)


def test_an_answer_about_done_goes_on_at_once(folder: Path) -> None:
    go_on = threading.Event()
    pieces = [b'data: {"choices":[{"delta":{"content":"%s"}}]}\n\n' % t for t in (b"[DONE]", b"2")]

    def behave(exchange: Exchange) -> None:
        exchange.start_stream()
        for piece in pieces:
            exchange.chunk(piece)
        go_on.wait(60)
        exchange.chunk(b"data: [DONE]\n\n")
        exchange.end_stream()

    body = {"model": "m", "messages": [], "stream": True}
    with fault_upstream(behave) as upstream, gateway_before(upstream.url, folder) as front:
        with front.client.stream("POST", CHAT, json=body) as answer:
            lines = (line for line in event_lines(answer) if line)
            assert [next(lines), next(lines)] == [piece.decode().strip() for piece in pieces]
            go_on.set()
            assert list(lines) == ["data: [DONE]"]


def test_an_answer_about_done_that_is_cut_is_called_cut(folder: Path) -> None:
    def behave(exchange: Exchange) -> None:
        exchange.start_stream()
        exchange.chunk(b'data: {"choices":[{"delta":{"content":"[DONE]"}}]}\n\n')
        exchange.end_stream()

    body = {"model": "m", "messages": [], "stream": True}
    with fault_upstream(behave) as upstream, gateway_before(upstream.url, folder) as front:
        answer = front.client.post(CHAT, json=body)
    assert '"code":"truncated"' in answer.text


def test_a_stream_of_known_length_loses_its_usage_chunk_and_stays_whole(folder: Path) -> None:
    """The length that the model server announced is not that of what the caller gets."""
    text = b'data: {"choices":[{"delta":{"content":"a"}}]}\n\n'
    usage = b'data: {"choices":[],"usage":{"prompt_tokens":1,"completion_tokens":1}}\n\n'
    done = b"data: [DONE]\n\n"

    def behave(exchange: Exchange) -> None:
        exchange.answer(text + usage + done, content_type="text/event-stream")

    body = {"model": "m", "messages": [], "stream": True}
    with fault_upstream(behave) as upstream, gateway_before(upstream.url, folder) as front:
        answer = front.client.post(CHAT, json=body)
        assert answer.content == text + done
        assert "internal_error" not in front.service.log
