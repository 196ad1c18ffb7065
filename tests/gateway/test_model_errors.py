"""The model server's errors, in every shape and wording that LM Studio has used."""

from __future__ import annotations

import orjson
import pytest

from gateway.error_shape import body_of, event_of, headers_of
from gateway.errors import NotOffered, Protocol, outcome_of, status_of
from gateway.model_errors import error_in_event, error_in_success, read_error

OVERFLOWS = [
    "Trying to keep the first 900 tokens when context the overflows. However",
    "The number of tokens to keep from the initial prompt is greater than the context length.",
    "Cannot truncate prompt with n_keep (9000) >= n_ctx (4096)",
    "Input does not fit in context length. The input has 9 tokens, but",
    "request (3012 tokens) exceeds the available context size (1024 tokens), try increasing it",
    "(n_keep: 900>= n_ctx: 800) The number of tokens to keep from the initial prompt is greater "
    "than the context length. Try to load the model with a larger context length",
    "Context size has been exceeded.",
    "This model's maximum context length is 4096 tokens. However, you requested 5000 tokens",
    'Engine protocol predict request returned 400: {"error":{"code":400,"message":"request (12 '
    'tokens) exceeds the available context size (8 tokens), try increasing it"}}',
]
TOO_LONG = "context_length_exceeded"


@pytest.mark.parametrize("wording", OVERFLOWS)
@pytest.mark.parametrize("shape", ["text", "object"])
def test_an_overflow_is_told_apart_in_all_its_wordings(wording: str, shape: str) -> None:
    error = {"error": wording if shape == "text" else {"message": wording, "type": "x"}}
    folded = read_error(500, orjson.dumps(error))
    assert status_of(folded) == 400
    assert body_of(folded, Protocol.OPENAI)["error"]["code"] == "context_length_exceeded"


def test_an_overflow_is_told_apart_by_its_type_too() -> None:
    body = {"error": {"code": 400, "message": "in new words", "type": "exceed_context_size_error"}}
    folded = read_error(400, orjson.dumps(body))
    assert body_of(folded, Protocol.OPENAI)["error"]["code"] == "context_length_exceeded"


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ("No models loaded. Please load a model in the developer page", "no_model_loaded"),
        ("The model has crashed without additional information. (Exit code: 6)", "model_crashed"),
        ("Model is unloaded.", "model_unloaded"),
        ("Model unloaded.", "model_unloaded"),
        ("Channel Error", "model_unloaded"),
        ('Failed to load model "x". Error: Operation canceled.', "model_unloaded"),
        ("Engine protocol predict request failed: fetch failed", "engine_unreachable"),
    ],
)
@pytest.mark.parametrize("shape", ["text", "object"])
def test_a_model_that_is_not_there_is_not_the_callers_mistake(
    said: str, code: str, shape: str
) -> None:
    error = {"error": said if shape == "text" else {"message": said, "param": "model"}}
    folded = read_error(400, orjson.dumps(error))
    assert status_of(folded) == 503
    told = body_of(folded, Protocol.OPENAI)["error"]
    assert told["code"] == code
    assert said in told["message"]
    assert not told["message"].startswith(said)


@pytest.mark.parametrize(
    ("status", "error", "outcome"),
    [
        (500, {"message": OVERFLOWS[0]}, TOO_LONG),
        (400, {"message": "in new words", "code": TOO_LONG}, TOO_LONG),
        (404, {"message": "no 'x' here", "code": "model_not_found"}, "model_not_found"),
        (400, {"message": "No models loaded."}, "no_model_loaded"),
        (401, {"message": "who are you?", "code": "invalid_api_key"}, "model_server_refused"),
        (400, {"message": "top_p is no number"}, "invalid_request"),
        (422, {"message": "top_p is no number", "code": "theirs"}, "invalid_request"),
        (404, {"message": "model 'x' not found, try pulling it first"}, "invalid_request"),
        (429, {"message": "too fast", "code": "rate_limit_exceeded"}, "upstream_error"),
        (500, {"message": "Compute error", "code": "theirs"}, "upstream_error"),
        (503, {"message": "busy", "code": "rate_limit_exceeded"}, "upstream_error"),
    ],
)
def test_the_ledger_names_an_error_as_its_caller_is_told_it(
    status: int, error: dict[str, str], outcome: str
) -> None:
    """The names are few, however many codes model servers have."""
    told = read_error(status, orjson.dumps({"error": error}))
    assert outcome_of(told) == outcome


def test_the_ledger_names_an_error_in_mid_stream_too() -> None:
    told = error_in_event("error", {"error": {"message": OVERFLOWS[0]}})
    assert told is not None
    assert outcome_of(told) == TOO_LONG


def test_an_engines_error_is_unwrapped() -> None:
    said = (
        'Engine protocol predict request returned 400: {"error":{"code":400,"message":"Failed to '
        'initialize samplers: failed to parse grammar","type":"invalid_request_error"}}'
    )
    body = {"type": "error", "error": {"type": "api_error", "message": said}}
    folded = read_error(500, orjson.dumps(body))
    assert status_of(folded) == 400
    assert body_of(folded, Protocol.ANTHROPIC) == {
        "type": "error",
        "error": {
            "type": "invalid_request_error",
            "message": "Failed to initialize samplers: failed to parse grammar",
        },
    }


def test_an_engines_error_that_cannot_be_unwrapped_is_told_as_it_is() -> None:
    said = "Engine protocol predict request returned 400: {broken}"
    assert read_error(500, orjson.dumps({"error": said})).message == said


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
    assert body_of(folded, Protocol.ANTHROPIC)["error"]["type"] == "invalid_request_error"
    assert body_of(folded, Protocol.NATIVE)["error"]["type"] == "invalid_request"


@pytest.mark.parametrize("status", [600, 777, 999, 200])
@pytest.mark.parametrize("body", [b"", b'{"error": "broken"}', b'{"error": {"message": "broken"}}'])
def test_a_status_that_is_no_error_becomes_502(status: int, body: bytes) -> None:
    assert status_of(read_error(status, body)) == 502


@pytest.mark.parametrize("body", [b"<html>oops</html>", b"", b"[1]", b'{"error": {}}', b"\xff"])
def test_nonsense_becomes_a_sentence(body: bytes) -> None:
    folded = read_error(500, body)
    assert folded.message == "The model server answered 500 without saying why."


def test_an_unknown_route_that_came_with_200_is_an_error() -> None:
    error = error_in_success({"error": "Unexpected endpoint or method. (POST /v1/responses)"})
    assert isinstance(error, NotOffered)
    assert status_of(error) == 501
    assert headers_of(error) == {"x-should-retry": "false"}


@pytest.mark.parametrize(
    "body",
    [
        b'{ "error": "Unexpected endpoint or method. (POST /api/v1/x)" }',  # LM Studio
        b'{"detail":"Not Found"}',  # vLLM
        b'{"error":{"code":404,"message":"File Not Found","type":"not_found_error"}}',  # llama.cpp
        b"404 page not found",  # Ollama
        b"",
    ],
)
def test_an_unknown_route_of_other_servers_is_the_same_error(body: bytes) -> None:
    error = read_error(404, body)
    assert isinstance(error, NotOffered)
    assert body_of(error, Protocol.NATIVE)["error"]["type"] == "not_implemented"


@pytest.mark.parametrize("said", ["model 'x' not found, try pulling it first", "Not found: job 7"])
def test_something_else_that_is_not_found_stays_404(said: str) -> None:
    error = read_error(404, orjson.dumps({"error": {"message": said}}))
    assert (status_of(error), error.message) == (404, said)


@pytest.mark.parametrize(
    "document",
    [
        {"id": "resp_1", "error": None, "output": []},
        {"choices": [{"message": {"content": 'the word "error"'}}]},
        {"choices": [], "error": "beside an answer"},
        {"status": "failed", "output": [], "error": {"message": "its caller reads this"}},
        ["error"],
        {},
    ],
)
def test_a_real_answer_is_left_alone(document: object) -> None:
    assert error_in_success(document) is None


def test_a_refused_token_is_the_operators_matter() -> None:
    body = {"error": {"code": "invalid_api_key", "message": "An LM Studio API token is required"}}
    assert status_of(read_error(401, orjson.dumps(body))) == 502


@pytest.mark.parametrize("protocol", list(Protocol))
def test_an_error_event_is_whole_and_never_says_done(protocol: Protocol) -> None:
    error = read_error(500, b"")
    event = event_of(error, protocol)
    assert event.endswith(b"\n\n")
    assert b"[DONE]" not in event
    assert b"without saying why" in event
