"""/v1/chat/completions and /api/v0/chat/completions, whole and streamed."""

from __future__ import annotations

import pytest

from tests.engine.asking import MESSAGES, Q8, TO_THE_LIMIT, post, streamed
from tests.running import Service

PATH = "/v1/chat/completions"


def test_whole_reply_has_lm_studios_shape(engine: Service) -> None:
    body = post(engine, PATH, {"model": Q8, "messages": MESSAGES, "temperature": 0}).json()
    assert list(body) == [
        *("id", "object", "created", "model", "choices", "usage", "stats", "system_fingerprint")
    ]
    assert body["id"].startswith("chatcmpl-")
    assert body["object"] == "chat.completion"
    assert body["model"] == body["system_fingerprint"] == Q8
    assert body["stats"] == {}
    (choice,) = body["choices"]
    assert choice["message"]["role"] == "assistant"
    assert "token" in choice["message"]["content"]
    assert choice["message"]["tool_calls"] == []
    assert choice["logprobs"] is None
    assert choice["finish_reason"] == "stop"
    usage = body["usage"]
    assert usage["total_tokens"] == usage["prompt_tokens"] + usage["completion_tokens"]
    assert usage["completion_tokens_details"] == {"reasoning_tokens": 0}
    assert "prompt_tokens_details" not in usage


@pytest.mark.parametrize("name", ["lectern-101@f16", Q8, "lectern-101@q4_0", "lectern-101"])
def test_each_quantization_answers_under_its_name(engine: Service, name: str) -> None:
    body = post(engine, PATH, {"model": name, "messages": MESSAGES, "temperature": 0}).json()
    assert body["model"] == name
    assert "token" in body["choices"][0]["message"]["content"]


def test_stream_is_framed_as_lm_studio_frames_it(engine: Service) -> None:
    body = {"model": Q8, "messages": MESSAGES, "max_tokens": 4}
    found = streamed(engine, PATH, body | TO_THE_LIMIT)
    assert {name for name, _ in found} == {None}
    *chunks, done = [data for _, data in found]
    assert done == "[DONE]"
    for chunk in chunks:
        assert chunk["object"] == "chat.completion.chunk"
        assert chunk["model"] == chunk["system_fingerprint"] == Q8
        assert "usage" not in chunk
        assert "timings" not in chunk
    deltas = [chunk["choices"][0]["delta"] for chunk in chunks]
    assert deltas[0]["role"] == "assistant"
    assert deltas[0]["content"]
    assert all("role" not in delta for delta in deltas[1:])
    assert deltas[-2:] == [{"content": ""}, {}]
    assert [chunk["choices"][0]["finish_reason"] for chunk in chunks] == [None] * 5 + ["length"]


def test_stream_says_the_same_as_the_whole_reply(engine: Service) -> None:
    body = {"model": Q8, "messages": MESSAGES, "temperature": 0}
    whole = post(engine, PATH, body).json()["choices"][0]["message"]["content"]
    chunks = [data for _, data in streamed(engine, PATH, body) if data != "[DONE]"]
    assert "".join(c["choices"][0]["delta"].get("content", "") for c in chunks) == whole


def test_usage_comes_last_and_only_when_asked_for(engine: Service) -> None:
    body = {"model": Q8, "messages": MESSAGES, "max_tokens": 3} | TO_THE_LIMIT
    found = streamed(engine, PATH, body | {"stream_options": {"include_usage": True}})
    usage_chunk, done = (data for _, data in found[-2:])
    assert done == "[DONE]"
    assert usage_chunk["choices"] == []
    assert usage_chunk["usage"]["completion_tokens"] == 3


def test_an_answer_without_text_still_carries_the_role(engine: Service) -> None:
    """A model may have nothing to say; here nothing is allowed."""
    body = {"model": Q8, "messages": MESSAGES, "max_tokens": 0}
    chunks = [data for _, data in streamed(engine, PATH, body) if data != "[DONE]"]
    assert chunks[0]["choices"][0]["delta"]["role"] == "assistant"


def test_llama_cpps_extras_do_not_leak(engine: Service) -> None:
    body = {"model": Q8, "messages": MESSAGES, "max_tokens": 2, "logprobs": True, "n": 3}
    body |= {"timings_per_token": True, "return_progress": True, "unknown_field": 1}
    whole = post(engine, PATH, body).json()
    assert "timings" not in whole
    assert [choice["logprobs"] for choice in whole["choices"]] == [None]
    chunks = [data for _, data in streamed(engine, PATH, body) if data != "[DONE]"]
    assert all(not {"timings", "prompt_progress"} & chunk.keys() for chunk in chunks)


def test_role_developer_counts_as_system(engine: Service) -> None:
    messages = [{"role": "developer", "content": "Answer briefly."}, *MESSAGES]
    assert post(engine, PATH, {"model": Q8, "messages": messages}).status_code == 200


def test_seed_decides_a_story(engine: Service) -> None:
    story = [{"role": "user", "content": "Tell me a story."}]
    body = {"model": Q8, "messages": story, "temperature": 1, "max_tokens": 40}

    def told(seed: int) -> str:
        reply = post(engine, PATH, body | {"seed": seed}).json()
        return str(reply["choices"][0]["message"]["content"])

    assert told(1) == told(1)
    assert len({told(seed) for seed in range(1, 6)}) > 1


def test_native_v0_adds_stats_model_info_and_runtime(engine: Service) -> None:
    path = "/api/v0/chat/completions"
    asked = {"model": Q8, "messages": MESSAGES, "max_tokens": 5} | TO_THE_LIMIT
    body = post(engine, path, asked).json()
    stats = body["stats"]
    assert stats["tokens_per_second"] > 0
    assert 0 < stats["time_to_first_token"] < 60
    assert 0 < stats["generation_time"] < 60
    assert stats["stop_reason"] == "maxPredictedTokensReached"
    assert body["model_info"] == {
        "arch": "llama",
        "quant": "Q8_0",
        "format": "gguf",
        "context_length": 1024,
    }
    assert body["runtime"]["supported_formats"] == ["gguf"]


def test_native_v0_says_why_it_stopped(engine: Service) -> None:
    path = "/api/v0/chat/completions"
    ended = post(engine, path, {"model": Q8, "messages": MESSAGES, "temperature": 0}).json()
    assert ended["stats"]["stop_reason"] == "eosFound"
    full = post(engine, path, {"model": Q8, "messages": MESSAGES} | TO_THE_LIMIT).json()
    assert full["stats"]["stop_reason"] == "contextLengthReached"
    assert full["usage"]["total_tokens"] == 1024


def test_of_many_replies_in_a_row_none_fails(engine: Service) -> None:
    """llama.cpp closes connections when it likes: an old one must not cost a request."""
    story = [{"role": "user", "content": "Tell me a story about a fox."}]
    for _ in range(60):
        assert post(engine, PATH, {"model": Q8, "messages": story}).status_code == 200
