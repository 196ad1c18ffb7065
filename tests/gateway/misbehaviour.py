"""What a model server can do wrong, as functions that see one request and the good answer to it.

Owns behaviour only; `faults` says what its caller is told then.
"""

from __future__ import annotations

import gzip
import threading

from tests.fault_upstream import Exchange
from tests.gateway.model_answers import ModelAnswer

SILENCE_S = 3.0  # GATEWAY_ANSWER_TIMEOUT_S of the gateway in front
NO_MODEL = b'{"error": {"message": "No models loaded.", "type": "invalid_request_error"}}'
ERROR_EVENT = b'event: error\ndata: {"error":{"message":"Compute error."},"message":"x"}\n\n'


def _head(exchange: Exchange, length: int, kind: str = "application/json", more: str = "") -> None:
    head = f"HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\n{more}\r\n"
    exchange.send(head.encode())


def _begin(exchange: Exchange, answer: ModelAnswer, streamed: bool) -> None:
    """The head and a first part of the body."""
    if streamed:
        exchange.start_stream()
        exchange.chunk(b"".join(answer.events[:2]))
    else:
        _head(exchange, len(answer.whole))
        exchange.send(answer.whole[: len(answer.whole) // 2])


def close_before_headers(exchange: Exchange, answer: ModelAnswer, streamed: bool) -> None:
    exchange.die()


def reset_before_headers(exchange: Exchange, answer: ModelAnswer, streamed: bool) -> None:
    exchange.reset()


def half_of_the_headers(exchange: Exchange, answer: ModelAnswer, streamed: bool) -> None:
    exchange.send(b"HTTP/1.1 200 OK\r\nContent-Ty")
    exchange.die()


def close_after_headers(exchange: Exchange, answer: ModelAnswer, streamed: bool) -> None:
    exchange.start_stream() if streamed else _head(exchange, len(answer.whole))
    exchange.die()


def die_midway(exchange: Exchange, answer: ModelAnswer, streamed: bool) -> None:
    _begin(exchange, answer, streamed)
    exchange.die()


def die_in_an_event(exchange: Exchange, answer: ModelAnswer, streamed: bool) -> None:
    _begin(exchange, answer, streamed)
    exchange.chunk(answer.events[2][:-9])
    exchange.die()


def hang_before_headers(exchange: Exchange, answer: ModelAnswer, streamed: bool) -> None:
    exchange.wait_until_caller_left()


def hang_after_headers(exchange: Exchange, answer: ModelAnswer, streamed: bool) -> None:
    exchange.start_stream() if streamed else _head(exchange, len(answer.whole))
    exchange.wait_until_caller_left()


def hang_midway(exchange: Exchange, answer: ModelAnswer, streamed: bool) -> None:
    _begin(exchange, answer, streamed)
    exchange.wait_until_caller_left()


def hang_after_the_end(exchange: Exchange, answer: ModelAnswer, streamed: bool) -> None:
    exchange.start_stream()
    exchange.chunk(b"".join(answer.events))
    exchange.wait_until_caller_left()


def slow_drip(exchange: Exchange, answer: ModelAnswer, streamed: bool) -> None:
    """Slower in all than the gateway's patience with silence, but never silent that long."""
    body = b"".join(answer.events) if streamed else answer.whole
    size = len(body) // 12 + 1
    exchange.start_stream() if streamed else _head(exchange, len(body))
    for at in range(0, len(body), size):
        piece = body[at : at + size]
        exchange.chunk(piece) if streamed else exchange.send(piece)
        threading.Event().wait(SILENCE_S / 10)
    if streamed:
        exchange.end_stream()


def cut_silently(exchange: Exchange, answer: ModelAnswer, streamed: bool) -> None:
    """An end that looks clean: of the stream, or of a body that ends with its connection."""
    if streamed:
        _begin(exchange, answer, streamed)
        exchange.end_stream()
    else:
        exchange.send(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n")
        exchange.send(answer.whole[:-5])
        exchange.die()


def empty(exchange: Exchange, answer: ModelAnswer, streamed: bool) -> None:
    if streamed:
        exchange.start_stream()
        exchange.end_stream()
    else:
        exchange.answer(b"")


def nonsense_for_http(exchange: Exchange, answer: ModelAnswer, streamed: bool) -> None:
    exchange.send(b"SSH-2.0-OpenSSH_9.2\r\n\x00\xff\r\n")
    exchange.wait_until_caller_left()


def nonsense_for_json(exchange: Exchange, answer: ModelAnswer, streamed: bool) -> None:
    if not streamed:
        exchange.answer(b'{"choices": [}, "usage": {}}')
        return
    _begin(exchange, answer, streamed)
    exchange.chunk(answer.events[2].replace(b'"', b"", 1))
    exchange.chunk(answer.events[-1])
    exchange.end_stream()


def nonsense_for_text(exchange: Exchange, answer: ModelAnswer, streamed: bool) -> None:
    """Bytes that are no UTF-8, framed as they should be."""
    garbage = b'{"x": "\xff\xfe"}'
    if not streamed:
        exchange.answer(garbage)
        return
    _begin(exchange, answer, streamed)
    exchange.chunk(b"data: " + garbage + b"\n\n")
    exchange.chunk(answer.events[-1])
    exchange.end_stream()


def nonsense_for_events(exchange: Exchange, answer: ModelAnswer, streamed: bool) -> None:
    """A page that calls itself a stream, as a proxy's may."""
    exchange.start_stream()
    exchange.chunk(b"<html>\xff\n\n<h1>Gone</h1>\n\n</html>")
    exchange.end_stream()


def page_with_200(exchange: Exchange, answer: ModelAnswer, streamed: bool) -> None:
    exchange.answer(b"<html>Please sign in.</html>", content_type="text/html")


def page_with_500(exchange: Exchange, answer: ModelAnswer, streamed: bool) -> None:
    exchange.answer(b"<html>Oops</html>", "500 Internal Server Error", "text/html")


def redirect(exchange: Exchange, answer: ModelAnswer, streamed: bool) -> None:
    exchange.answer(b"", "302 Found")


def error_with_200(exchange: Exchange, answer: ModelAnswer, streamed: bool) -> None:
    exchange.answer(NO_MODEL)


def error_event_first(exchange: Exchange, answer: ModelAnswer, streamed: bool) -> None:
    exchange.start_stream()
    for byte_range in (slice(0, 9), slice(9, None)):  # however the bytes are cut
        exchange.chunk(ERROR_EVENT[byte_range])
        threading.Event().wait(0.05)
    exchange.end_stream()


def error_event_midway(exchange: Exchange, answer: ModelAnswer, streamed: bool) -> None:
    _begin(exchange, answer, streamed)
    if b"event: chat.end" in answer.events[-1]:  # there it goes on after an error
        exchange.chunk(ERROR_EVENT.replace(b"{", b'{"type":"error",', 1) + answer.events[-1])
    else:
        exchange.chunk(ERROR_EVENT)
    exchange.end_stream()


def no_stream(exchange: Exchange, answer: ModelAnswer, streamed: bool) -> None:
    exchange.answer(answer.whole)


def length_too_small(exchange: Exchange, answer: ModelAnswer, streamed: bool) -> None:
    body, kind = answer.whole, "application/json"
    if streamed:
        body, kind = b"".join(answer.events), "text/event-stream"
    _head(exchange, len(body) - 40, kind)
    exchange.send(body)


def length_too_large(exchange: Exchange, answer: ModelAnswer, streamed: bool) -> None:
    body, kind = answer.whole, "application/json"
    if streamed:
        body, kind = b"".join(answer.events[:3]), "text/event-stream"
    _head(exchange, len(body) + 40, kind)
    exchange.send(body)
    exchange.die()


def length_of_a_stream(exchange: Exchange, answer: ModelAnswer, streamed: bool) -> None:
    """A whole stream whose length is announced; what is cut out of it must not break the count."""
    usage = b'data: {"choices":[],"usage":{"prompt_tokens":9,"completion_tokens":2}}\n\n'
    events = [*answer.events[:-1], usage, answer.events[-1]]
    body = b"".join(events if b"[DONE]" in answer.events[-1] else answer.events)
    _head(exchange, len(body), "text/event-stream")
    exchange.send(body)


def compressed(exchange: Exchange, answer: ModelAnswer, streamed: bool) -> None:
    body = gzip.compress(b"".join(answer.events) if streamed else answer.whole)
    kind = "text/event-stream" if streamed else "application/json"
    _head(exchange, len(body), kind, "Content-Encoding: gzip\r\n")
    exchange.send(body)
