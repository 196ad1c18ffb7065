"""Completions, embeddings, responses, messages and the native chat."""

from __future__ import annotations

import base64
import struct
from typing import Any

import pytest

from tests.engine.asking import MESSAGES, Q8, QUESTION, TO_THE_LIMIT, post, streamed
from tests.running import Service


def test_completion_continues_the_raw_prompt(engine: Service) -> None:
    body = {"model": Q8, "prompt": "A token", "max_tokens": 3} | TO_THE_LIMIT
    reply = post(engine, "/v1/completions", body).json()
    assert reply["object"] == "text_completion"
    assert reply["choices"][0]["text"]
    assert reply["choices"][0]["logprobs"] is None
    assert reply["usage"]["completion_tokens"] == 3
    assert "timings" not in reply


def test_completion_stream_ends_with_usage_and_done(engine: Service) -> None:
    body = {"prompt": "A token", "max_tokens": 3} | TO_THE_LIMIT
    found = streamed(engine, "/v1/completions", body)
    *chunks, done = [data for _, data in found]
    assert done == "[DONE]"
    assert chunks[-1]["usage"]["completion_tokens"] == 3
    assert all("usage" not in chunk for chunk in chunks[:-1])
    assert all("timings" not in chunk for chunk in chunks)


def test_v0_completion_has_stats(engine: Service) -> None:
    body = {"prompt": "A token", "max_tokens": 3} | TO_THE_LIMIT
    reply = post(engine, "/api/v0/completions", body).json()
    assert reply["stats"]["stop_reason"] == "maxPredictedTokensReached"
    assert reply["model_info"]["quant"] == "Q8_0"


@pytest.mark.parametrize("path", ["/v1/embeddings", "/api/v0/embeddings"])
def test_embeddings_are_vectors_with_zero_usage(engine: Service, path: str) -> None:
    reply = post(engine, path, {"model": Q8, "input": ["one", "two"], "dimensions": 3}).json()
    assert reply["object"] == "list"
    assert reply["model"] == Q8
    assert reply["usage"] == {"prompt_tokens": 0, "total_tokens": 0}
    assert [item["index"] for item in reply["data"]] == [0, 1]
    one, two = (item["embedding"] for item in reply["data"])
    assert len(one) == len(two) > 3
    assert one != two


def test_embeddings_in_base64_are_the_same_numbers(engine: Service) -> None:
    body = {"model": Q8, "input": "one"}
    (plain,) = post(engine, "/v1/embeddings", body).json()["data"]
    (packed,) = post(engine, "/v1/embeddings", body | {"encoding_format": "base64"}).json()["data"]
    raw = base64.b64decode(packed["embedding"])
    assert struct.unpack(f"<{len(raw) // 4}f", raw) == pytest.approx(plain["embedding"], rel=1e-5)


def test_embeddings_refuse_an_unknown_model(engine: Service) -> None:
    answer = post(engine, "/v1/embeddings", {"model": "unknown", "input": "one"})
    assert answer.status_code == 400
    assert answer.json()["error"]["message"].startswith("No models loaded.")


def test_response_has_every_field_and_is_remembered(engine: Service) -> None:
    body: dict[str, Any] = {"model": Q8, "input": QUESTION, "temperature": 0}
    first = post(engine, "/v1/responses", body).json()
    assert first["id"].startswith("resp_")
    assert first["object"] == "response"
    assert first["status"] == "completed"
    assert first["error"] is None
    (item,) = first["output"]
    assert item["type"] == "message"
    assert "token" in item["content"][0]["text"]
    assert first["usage"]["output_tokens"] > 0
    follow = {"model": Q8, "input": "Thanks!", "previous_response_id": first["id"]}
    second = post(engine, "/v1/responses", follow).json()
    assert second["previous_response_id"] == first["id"]
    spent = first["usage"]["total_tokens"]
    assert second["usage"]["input_tokens"] > spent


def test_response_unknown_to_the_engine_is_refused(engine: Service) -> None:
    body = {"model": Q8, "input": "Hi", "previous_response_id": "resp_unknown"}
    answer = post(engine, "/v1/responses", body)
    assert answer.status_code == 400
    assert answer.json()["error"]["code"] == "previous_response_not_found"


def test_response_stream_tells_its_story_in_order(engine: Service) -> None:
    found = streamed(engine, "/v1/responses", {"model": Q8, "input": QUESTION, "temperature": 0})
    names = [name for name, _ in found]
    assert names[:4] == [
        "response.created",
        "response.in_progress",
        "response.output_item.added",
        "response.content_part.added",
    ]
    assert set(names[4:-4]) == {"response.output_text.delta"}
    assert names[-4:] == [
        "response.output_text.done",
        "response.content_part.done",
        "response.output_item.done",
        "response.completed",
    ]
    assert [data["sequence_number"] for _, data in found] == list(range(len(found)))
    text = "".join(data["delta"] for name, data in found if str(name).endswith(".delta"))
    assert found[-1][1]["response"]["output"][0]["content"][0]["text"] == text


def test_response_carries_log_probabilities_when_asked(engine: Service) -> None:
    body = {"model": Q8, "input": QUESTION, "max_output_tokens": 3, "top_logprobs": 4}
    body |= TO_THE_LIMIT | {"include": ["message.output_text.logprobs"]}
    reply = post(engine, "/v1/responses", body).json()
    assert reply["status"] == "incomplete"
    entries = reply["output"][0]["content"][0]["logprobs"]
    assert len(entries) == 3
    for entry in entries:
        assert entry["logprob"] <= 0
        assert len(entry["top_logprobs"]) == 4


def test_message_reply_is_anthropics(engine: Service) -> None:
    body = {"model": Q8, "messages": MESSAGES, "max_tokens": 4, "system": "You are brief."}
    reply = post(engine, "/v1/messages", body | TO_THE_LIMIT).json()
    assert reply["id"].startswith("msg_")
    assert reply["model"] == Q8
    assert reply["content"][0]["type"] == "text"
    assert reply["stop_reason"] == "max_tokens"
    assert reply["usage"]["output_tokens"] == 4
    assert "reasoning_tokens" not in reply


def test_message_stream_ends_with_message_stop(engine: Service) -> None:
    body = {"model": Q8, "messages": MESSAGES, "max_tokens": 3}
    found = streamed(engine, "/v1/messages", body | TO_THE_LIMIT)
    assert [name for name, _ in found] == [
        "message_start",
        "content_block_start",
        *["content_block_delta"] * 3,
        "content_block_stop",
        "message_delta",
        "message_stop",
    ]
    assert found[0][1]["message"]["model"] == Q8


def test_native_chat_replies_with_stats_and_an_id_to_go_on_from(engine: Service) -> None:
    reply = post(engine, "/api/v1/chat", {"model": Q8, "input": QUESTION, "temperature": 0}).json()
    assert reply["model_instance_id"] == Q8
    (item,) = reply["output"]
    assert item["type"] == "message"
    assert "token" in item["content"]
    assert reply["stats"]["total_output_tokens"] > 0
    body = {"model": Q8, "input": "Thanks!", "previous_response_id": reply["response_id"]}
    more = post(engine, "/api/v1/chat", body).json()
    assert more["stats"]["input_tokens"] > reply["stats"]["input_tokens"]


def test_native_chat_stream_shows_the_reading_of_the_prompt(engine: Service) -> None:
    found = streamed(engine, "/api/v1/chat", {"model": Q8, "input": QUESTION, "temperature": 0})
    names = [name for name, _ in found]
    told = [name for i, name in enumerate(names) if i == 0 or names[i - 1] != name]
    assert told == [
        "chat.start",
        "prompt_processing.start",
        "prompt_processing.progress",
        "prompt_processing.end",
        "message.start",
        "message.delta",
        "message.end",
        "chat.end",
    ]
    text = "".join(data["content"] for name, data in found if name == "message.delta")
    assert found[-1][1]["result"]["output"][0]["content"] == text


def test_native_chat_error_is_followed_by_its_end(engine: Service) -> None:
    found = streamed(engine, "/api/v1/chat", {"model": Q8, "input": "word " * 3000})
    assert [name for name, _ in found] == ["error", "chat.end"]
