"""LM Studio's traps as the callers of each protocol see them, through a real gateway.

Which words mean what is `test_model_errors`'s matter; here it is status, shape and the SDKs' own
exceptions. Facts: LM Studio's documentation and its public bug tracker.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import anthropic
import openai
import orjson
import pytest

from tests.fault_upstream import Exchange, fault_upstream, streams
from tests.gateway.conftest import Front, gateway_before

MODELS = orjson.dumps({"data": [{"id": "lectern-101"}], "models": [{"key": "lectern-101"}]})
OVERFLOW = "Input does not fit in context length. The input has 9 tokens, but the limit is 8."
CHUNK = b'data: {"choices":[{"index":0,"delta":{"content":"Hi"}}]}\n\n'
COUNT = "/v1/messages/count_tokens"
ROUTES: dict[str, dict[str, object]] = {
    "/v1/chat/completions": {"messages": [{"role": "user", "content": "x"}]},
    "/v1/responses": {"input": "x"},
    "/v1/messages": {"messages": [{"role": "user", "content": "x"}], "max_tokens": 9},
    "/api/v0/chat/completions": {"messages": [{"role": "user", "content": "x"}]},
    "/api/v1/chat": {"input": "x"},
}
Behave = Callable[[Exchange], None]


@dataclass
class Stage:
    """One gateway for all tests; each says how the model server behaves."""

    front: Front
    seen: list[Exchange]
    behave: Behave

    def post(self, path: str, *, stream: bool = False) -> Any:
        body = {"model": "lectern-101", "stream": stream, **ROUTES[path]}
        return self.front.client.post(path, json=body)


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    env = {"GATEWAY_ALIASES": "claude=lectern-101"}
    stages: list[Stage] = []
    with fault_upstream(lambda exchange: stages[0].behave(exchange), MODELS) as upstream:
        folder = tmp_path_factory.mktemp("traps")
        with gateway_before(upstream.url, folder, env) as front:
            stages.append(Stage(front, upstream.seen, lambda _: None))
            yield stages[0]


def answers(body: object, status: str = "200 OK") -> Behave:
    return lambda exchange: exchange.answer(orjson.dumps(body), status)


def openai_client(stage: Stage) -> openai.OpenAI:
    url = stage.front.service.url + "/v1"
    return openai.OpenAI(base_url=url, api_key=stage.front.key, max_retries=0)


def anthropic_client(stage: Stage, retries: int = 0) -> anthropic.Anthropic:
    url = stage.front.service.url
    return anthropic.Anthropic(base_url=url, api_key=stage.front.key, max_retries=retries)


# ── one error, in the shape of whoever asked ──


def shape(path: str, told: dict[str, Any]) -> tuple[str, str]:
    """The error's type and message; fails unless the body has the protocol's form."""
    if path == "/v1/messages":
        assert told.keys() == {"type", "error"}
        assert told["type"] == "error"
        assert told["error"].keys() == {"type", "message"}
    else:
        assert told.keys() == {"error"}
        assert told["error"].keys() == {"message", "type", "param", "code"}
    return told["error"]["type"], told["error"]["message"]


@pytest.mark.parametrize("path", ROUTES)
@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize(
    "body",
    [
        {"error": OVERFLOW},
        {"error": {"message": OVERFLOW, "type": "x", "param": None, "code": None}},
        {"error": {"type": "unknown", "code": "x", "message": OVERFLOW}},
        {"type": "error", "error": {"type": "api_error", "message": OVERFLOW}},
    ],
    ids="ABCD",
)
def test_every_shape_becomes_the_callers(
    stage: Stage, path: str, stream: bool, body: object
) -> None:
    stage.behave = answers(body, "500 Internal Server Error")
    answer = stage.post(path, stream=stream)
    assert answer.status_code == 400
    type_, message = shape(path, answer.json())
    assert type_ == ("invalid_request" if path == "/api/v1/chat" else "invalid_request_error")
    assert OVERFLOW in message


@pytest.mark.parametrize("path", ROUTES)
@pytest.mark.parametrize("stream", [True, False])
def test_200_with_an_error_is_501(stage: Stage, path: str, stream: bool) -> None:
    stage.behave = answers({"error": f"Unexpected endpoint or method. (POST {path})"})
    answer = stage.post(path, stream=stream)
    assert answer.status_code == 501
    assert "does not know this route" in shape(path, answer.json())[1]
    assert answer.headers["x-should-retry"] == "false"


@pytest.mark.parametrize("path", ROUTES)
def test_no_model_loaded_is_503_with_the_remedy(stage: Stage, path: str) -> None:
    stage.behave = answers({"error": {"message": "No models loaded. Please load a model"}}, "400 x")
    answer = stage.post(path)
    assert answer.status_code == 503
    assert "No models loaded. Please load a model" in shape(path, answer.json())[1]


# ── streams ──

ERROR = orjson.dumps({"error": {"message": OVERFLOW}, "message": OVERFLOW})
ERROR_EVENT = b"event: error\ndata: " + ERROR + b"\n\n"


@pytest.mark.parametrize("path", ROUTES)
@pytest.mark.parametrize("cut", [0, 5, len(ERROR_EVENT) - 1])
def test_a_stream_that_begins_with_an_error_keeps_a_status(
    stage: Stage, path: str, cut: int
) -> None:
    pieces = (ERROR_EVENT[:cut], ERROR_EVENT[cut:]) if cut else (ERROR_EVENT,)
    stage.behave = streams(*pieces)
    answer = stage.post(path, stream=True)
    assert answer.status_code == 400
    assert OVERFLOW in shape(path, answer.json())[1]


@pytest.mark.parametrize("path", ROUTES)
@pytest.mark.parametrize("pieces", [(), (b"data: [DONE]\n\n",)])
def test_an_empty_stream_is_an_error(stage: Stage, path: str, pieces: tuple[bytes, ...]) -> None:
    stage.behave = streams(*pieces)
    answer = stage.post(path, stream=True)
    assert answer.status_code == 502
    assert "longer than the model's context" in shape(path, answer.json())[1]


def test_an_error_in_mid_stream_is_the_sdks_exception_with_its_code(stage: Stage) -> None:
    stage.behave = streams(CHUNK, CHUNK + ERROR_EVENT)
    texts = []
    with openai_client(stage) as client, pytest.raises(openai.APIError, match="fit") as raised:
        with client.chat.completions.create(
            model="lectern-101", messages=[{"role": "user", "content": "x"}], stream=True
        ) as stream:
            texts += [chunk.choices[0].delta.content for chunk in stream]
    assert raised.value.code == "context_length_exceeded"
    assert stage.post("/v1/chat/completions", stream=True).content.count(b"Hi") == 2


def test_an_error_in_mid_stream_has_anthropics_shape(stage: Stage) -> None:
    begun = b'event: message_start\ndata: {"type":"message_start","message":{"usage":{}}}\n\n'
    stage.behave = streams(begun, ERROR_EVENT)
    answer = stage.post("/v1/messages", stream=True)
    head, _, data = answer.content.rpartition(b"data: ")
    assert head == begun + b"event: error\n"
    assert shape("/v1/messages", orjson.loads(data))[0] == "invalid_request_error"


def test_an_error_in_mid_stream_has_the_form_of_the_responses_api(stage: Stage) -> None:
    begun = (
        b"event: response.created\n"
        b'data: {"type":"response.created","sequence_number":0,"response":{"id":"resp_1"}}\n\n'
    )
    stage.behave = streams(begun, ERROR_EVENT)
    with openai_client(stage) as client, pytest.raises(openai.APIError, match="fit") as raised:
        list(client.responses.create(model="lectern-101", input="x", stream=True))
    assert raised.value.code == "context_length_exceeded"
    data = stage.post("/v1/responses", stream=True).content.rpartition(b"data: ")[2]
    event = orjson.loads(data)
    assert (event["type"], event["code"]) == ("error", "context_length_exceeded")
    assert OVERFLOW in event["message"]


def test_the_native_api_tells_its_errors_itself(stage: Stage) -> None:
    """There `chat.end` follows with what was generated; nothing is to be added."""
    pieces = (
        b'event: chat.start\ndata: {"type":"chat.start","model_instance_id":"m"}\n\n',
        b'event: error\ndata: {"type":"error","error":{"type":"unknown","message":"odd"}}\n\n',
        b'event: chat.end\ndata: {"type":"chat.end","result":{"output":[],"stats":{}}}\n\n',
    )
    for behave in (streams(*pieces), streams(b"".join(pieces))):
        stage.behave = behave
        assert stage.post("/api/v1/chat", stream=True).content == b"".join(pieces)


def test_a_native_stream_that_is_cut_ends_with_a_native_error(stage: Stage) -> None:
    begun = b'event: chat.start\ndata: {"type":"chat.start","model_instance_id":"m"}\n\n'
    stage.behave = streams(begun)
    answer = stage.post("/api/v1/chat", stream=True)
    head, _, data = answer.content.rpartition(b"data: ")
    assert head == begun + b"event: error\n"
    told = orjson.loads(data)
    assert told["type"] == "error"
    assert told["error"]["type"] == "internal_error"
    assert told["error"]["code"] == "truncated"


def test_usage_in_the_last_chunk_of_a_completion_stays(stage: Stage) -> None:
    last = b'data: {"choices":[{"text":"","finish_reason":"stop"}],"usage":{"prompt_tokens":3}}\n\n'
    only = b'data: {"choices":[],"usage":{"prompt_tokens":3}}\n\n'
    stage.behave = streams(last, only, b"data: [DONE]\n\n")
    body = {"model": "lectern-101", "prompt": "x", "stream": True}
    answer = stage.front.client.post("/v1/completions", json=body)
    assert answer.content == last + b"data: [DONE]\n\n"


# ── counting tokens, which LM Studio does not ──


@pytest.mark.parametrize(
    "behave",
    [
        answers({"error": f"Unexpected endpoint or method. (POST {COUNT})"}),
        answers({"detail": "Not Found"}, "404 Not Found"),
        answers({"error": {"code": 404, "message": "File Not Found"}}, "404 Not Found"),
        lambda exchange: exchange.answer(b"404 page not found", "404 Not Found", "text/plain"),
    ],
    ids=["LM Studio", "vLLM", "llama.cpp", "Ollama"],
)
def test_counting_tokens_where_the_model_server_cannot(stage: Stage, behave: Behave) -> None:
    stage.behave = behave
    before = len(stage.seen)
    with anthropic_client(stage, retries=2) as client:
        with pytest.raises(anthropic.APIStatusError, match="max_tokens 1") as raised:
            client.messages.count_tokens(
                model="lectern-101", messages=[{"role": "user", "content": "x"}]
            )
    assert raised.value.status_code == 501
    assert shape("/v1/messages", raised.value.response.json())[0] == "api_error"
    assert len(stage.seen) == before + 1  # nobody tries again what cannot work


def test_counting_tokens_where_the_model_server_can(stage: Stage) -> None:
    stage.behave = answers({"input_tokens": 17})
    with anthropic_client(stage) as client:
        counted = client.messages.count_tokens(
            model="claude", messages=[{"role": "user", "content": "x"}]
        )
    assert counted.input_tokens == 17
    assert orjson.loads(stage.seen[-1].body)["model"] == "lectern-101"
    assert stage.seen[-1].target == COUNT


def test_counting_tokens_needs_a_model_that_exists_and_is_allowed(stage: Stage) -> None:
    stage.behave = answers({"input_tokens": 17})
    made = stage.front.new_key("narrow", "--model", "other")
    body = {"model": "lectern-101", "messages": []}
    refused = stage.front.client.post(
        COUNT, json=body, headers={"x-api-key": made, "Authorization": ""}
    )
    assert refused.status_code == 403
    unknown = stage.front.client.post(COUNT, json={**body, "model": "nobody"})
    assert unknown.status_code == 404
    assert unknown.json()["error"]["type"] == "not_found_error"
