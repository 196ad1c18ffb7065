"""The model server's errors, in every shape and wording that LM Studio has used."""

from __future__ import annotations

import orjson
import pytest

from gateway.errors import Protocol, body_of, event_of, status_of
from gateway.model_errors import error_in_event, error_in_success, read_error

OVERFLOWS = [
    "Trying to keep the first 900 tokens when context the overflows. However",
    "The number of tokens to keep from the initial prompt is greater than the context length.",
    "Cannot truncate prompt with n_keep (9000) >= n_ctx (4096)",
    "Input does not fit in context length. The input has 9 tokens, but",
    "request (3012 tokens) exceeds the available context size (1024 tokens), try increasing it",
    "Context size has been exceeded.",
    'Engine protocol predict request returned 400: {"error":{"code":400,"message":"request (12 '
    'tokens) exceeds the available context size (8 tokens), try increasing it"}}',
]


@pytest.mark.parametrize("wording", OVERFLOWS)
@pytest.mark.parametrize("shape", ["text", "object"])
def test_an_overflow_is_told_apart_in_all_its_wordings(wording: str, shape: str) -> None:
    error = {"error": wording if shape == "text" else {"message": wording, "type": "x"}}
    folded = read_error(500, orjson.dumps(error))
    assert status_of(folded) == 400
    assert body_of(folded, Protocol.OPENAI)["error"]["code"] == "context_length_exceeded"


@pytest.mark.parametrize(
    "body",
    [
        {"error": "'messages' field is required"},
        {"error": {"message": "'messages' field is required", "type": "invalid_request_error"}},
        {"error": {"type": "invalid_request", "message": "'messages' field is required"}},
        {"type": "error", "error": {"type": "x", "message": "'messages' field is required"}},
    ],
)
def test_every_shape_keeps_its_words(body: dict[str, object]) -> None:
    folded = read_error(400, orjson.dumps(body))
    assert status_of(folded) == 400
    assert folded.message == "'messages' field is required"


@pytest.mark.parametrize("body", [b"<html>oops</html>", b"", b"[1]", b'{"error": {}}', b"\xff"])
def test_nonsense_becomes_a_sentence(body: bytes) -> None:
    folded = read_error(500, body)
    assert folded.message == "The model server answered 500 without saying why."


def test_an_unknown_route_that_came_with_200_is_an_error() -> None:
    error = error_in_success(b'{ "error": "Unexpected endpoint or method. (POST /v1/responses)" }')
    assert error is not None
    assert status_of(error) == 501


@pytest.mark.parametrize(
    "body",
    [
        b'{"id": "resp_1", "error": null, "output": []}',
        b'{"choices": [{"message": {"content": "the word \\"error\\""}}]}',
        b'{"status": "failed", "output": [], "error": {"message": "its caller reads this"}}',
        b"not json with error in it",
        b"{}",
    ],
)
def test_a_real_answer_is_left_alone(body: bytes) -> None:
    assert error_in_success(body) is None


def test_a_refused_token_is_the_operators_matter() -> None:
    body = {"error": {"code": "invalid_api_key", "message": "An LM Studio API token is required"}}
    assert status_of(read_error(401, orjson.dumps(body))) == 502


def test_a_stream_that_begins_with_an_error() -> None:
    event = b'event: error\ndata: {"error":{"message":"Compute error."},"message":"x"}\n\n'
    error = error_in_event(event)
    assert error is not None
    assert error.message == "Compute error."
    assert status_of(error) == 502
    assert error_in_event(b'data: {"choices":[]}\n\n') is None


@pytest.mark.parametrize("protocol", list(Protocol))
def test_an_error_event_is_whole_and_never_says_done(protocol: Protocol) -> None:
    error = read_error(500, b"")
    event = event_of(error, protocol)
    assert event.endswith(b"\n\n")
    assert b"[DONE]" not in event
    assert b"without saying why" in event
