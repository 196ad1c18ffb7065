"""Errors: LM Studio's sentences in its five shapes."""

from __future__ import annotations

from typing import Any

import pytest

from tests.engine.asking import MESSAGES, Q8, TOO_LONG, client, post, streamed
from tests.running import Service

CHAT = "/v1/chat/completions"
IMAGE = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}
REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "no messages": ({"messages": None}, "'messages' field is required"),
    "json_object": (
        {"response_format": {"type": "json_object"}},
        "'response_format.type' must be 'json_schema' or 'text'",
    ),
    "object tool_choice": (
        {"tool_choice": {"type": "function"}},
        "Invalid tool_choice type: 'object'. Supported string values: none, auto, required",
    ),
    "audio": (
        {"messages": [{"role": "user", "content": [{"type": "input_audio"}]}]},
        "'content' objects must have a 'type' field that is either 'text' or 'image_url'",
    ),
    "image by URL": (
        {
            "messages": [
                {"role": "user", "content": [IMAGE | {"image_url": {"url": "http://localhost"}}]}
            ]
        },
        "'url' field must be a base64 encoded image.",
    ),
    "image": (
        {"messages": [{"role": "user", "content": [IMAGE]}]},
        f"The provided messages contain images, but {Q8} does not support image inputs.",
    ),
}


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("case", REFUSED)
def test_refused_before_generation_is_a_plain_400(engine: Service, case: str, stream: bool) -> None:
    change, sentence = REFUSED[case]
    answer = post(engine, CHAT, {"model": Q8, "messages": MESSAGES, "stream": stream} | change)
    assert answer.status_code == 400
    assert answer.json() == {"error": sentence}


def test_bad_value_names_its_parameter(engine: Service) -> None:
    answer = post(engine, CHAT, {"messages": MESSAGES, "reasoning_effort": "on"})
    assert answer.status_code == 400
    error = answer.json()["error"]
    assert error["param"] == "reasoning_effort"
    assert error["code"] == "invalid_value"


@pytest.mark.parametrize("content", [b"{bad", b"[]", b'"text"', b'{"messages": "\xff"}'])
def test_a_body_that_is_no_json_object_is_a_plain_400(engine: Service, content: bytes) -> None:
    with client(engine) as http:
        answer = http.post(CHAT, content=content)
    assert answer.status_code == 400
    assert isinstance(answer.json()["error"], str)


def test_context_overflow_is_nested_as_text(engine: Service) -> None:
    answer = post(engine, CHAT, {"model": Q8, "messages": TOO_LONG})
    assert answer.status_code == 400
    message = answer.json()["error"]
    assert message.startswith("Engine protocol predict request returned 400: {")
    assert "exceeds the available context size (1024 tokens)" in message


def test_context_overflow_in_a_stream_is_an_event_without_done(engine: Service) -> None:
    ((name, data),) = streamed(engine, CHAT, {"model": Q8, "messages": TOO_LONG})
    assert name == "error"
    assert data["message"] == data["error"]["message"]
    assert "exceeds the available context size" in data["message"]


def test_messages_route_has_anthropics_shape(engine: Service) -> None:
    missing = post(engine, "/v1/messages", {"max_tokens": 3})
    assert missing.status_code == 400
    assert missing.json() == {
        "type": "error",
        "error": {"type": "invalid_request_error", "message": "messages: Field required"},
    }
    long = post(engine, "/v1/messages", {"messages": TOO_LONG, "max_tokens": 3, "stream": True})
    assert long.status_code == 500
    assert long.json()["error"]["type"] == "api_error"
    assert long.json()["error"]["message"].startswith("Engine protocol predict request")


def test_native_route_has_its_shape(engine: Service) -> None:
    answer = post(engine, "/api/v1/models/load", {"model": "unknown"})
    assert answer.status_code == 404
    assert answer.json()["error"]["type"] == "model_not_found"
    assert post(engine, "/api/v1/models/load", {}).json()["error"]["param"] == "model"


def test_no_prompt_is_logged(engine: Service) -> None:
    secret = "canary-5b1f"
    asked = {"model": secret, "messages": [{"role": "user", "content": secret}], "max_tokens": 1}
    assert post(engine, CHAT, asked).status_code == 200
    assert post(engine, "/v1/embeddings", {"model": secret, "input": secret}).status_code == 400
    assert post(engine, CHAT, asked | {"messages": secret}).status_code == 400
    assert secret not in engine.log
