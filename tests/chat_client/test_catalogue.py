"""The list of models from each of LM Studio's catalogues, and from servers that have none."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from chat_client import ChatError, ChatSettings, list_models
from tests.chat_client.upstream import Upstream, native_model, upstream


@pytest.fixture
def server() -> Iterator[Upstream]:
    with upstream() as running:
        running.routes.clear()
        yield running


V0 = {
    "object": "list",
    "data": [
        {"id": "far", "type": "llm", "state": "not-loaded", "max_context_length": 8192},
        {
            "id": "near",
            "type": "vlm",
            "state": "loaded",
            "quantization": "4bit",
            "max_context_length": 32768,
            "loaded_context_length": 4096,
            "capabilities": ["tool_use"],
        },
        {"id": "vectors", "type": "embeddings", "state": "loaded"},
    ],
}


async def test_the_native_list_tells_everything(server: Upstream) -> None:
    embedding = {"type": "embedding", "key": "vectors", "loaded_instances": []}
    asleep = native_model("big", loaded_instances=[], capabilities={"vision": True})
    body = {"models": [embedding, asleep, native_model("tiny@q8_0")]}
    server.routes["/api/v1/models"] = (200, body)
    awake, sleeping = await list_models(ChatSettings(lmstudio_url=server.url))
    assert awake.label == "tiny@q8_0 · Q8_0 · 1,024 tokens · loaded"
    assert (awake.size_bytes, awake.parameters, awake.context_length) == (1_000_000, "4M", 1024)
    assert sleeping.label == "big · Q8_0 · up to 2,048 tokens · not loaded"
    assert sleeping.vision
    assert not awake.vision


async def test_each_loaded_instance_can_be_chosen(server: Upstream) -> None:
    instances = [{"id": "tiny", "config": {}}, {"id": "tiny:2", "config": {}}]
    body = {"models": [native_model(loaded_instances=instances)]}
    server.routes["/api/v1/models"] = (200, body)
    models = await list_models(ChatSettings(lmstudio_url=server.url))
    assert [model.id for model in models] == ["tiny", "tiny:2"]


async def test_an_older_server_is_asked_in_the_older_way(server: Upstream) -> None:
    server.routes["/api/v0/models"] = (200, V0)  # /api/v1/models answers 200 with an error here.
    near, far = await list_models(ChatSettings(lmstudio_url=server.url))
    assert near.label == "near · 4bit · 4,096 tokens · loaded"
    assert (near.vision, near.tools) == (True, True)
    assert far.label == "far · up to 8,192 tokens · not loaded"


async def test_any_openai_server_will_do(server: Upstream) -> None:
    body = {"object": "list", "data": [{"id": "llama"}, {"id": "text-embedding-nomic"}]}
    server.routes["/v1/models"] = (200, body)
    models = await list_models(ChatSettings(lmstudio_url=server.url))
    assert [model.id for model in models] == ["llama"]


async def test_a_server_without_a_list_is_an_error(server: Upstream) -> None:
    with pytest.raises(ChatError, match="no list of models"):
        await list_models(ChatSettings(lmstudio_url=server.url))


async def test_a_missing_token_is_named(server: Upstream) -> None:
    server.routes["/api/v1/models"] = (401, {"error": {"code": "invalid_api_key"}})
    with pytest.raises(ChatError) as caught:
        await list_models(ChatSettings(lmstudio_url=server.url))
    assert "LMSTUDIO_API_TOKEN" in caught.value.advice


async def test_the_token_is_sent_and_only_to_lm_studio(server: Upstream) -> None:
    server.routes["/api/v1/models"] = (200, {"models": []})
    own = {"lmstudio_url": server.url, "lmstudio_api_token": "sk-lm-secret"}
    elsewhere = {"lmstudio_url": "http://127.0.0.1:9", "llm_url": server.url}
    await list_models(ChatSettings.model_validate(own))
    await list_models(ChatSettings.model_validate(elsewhere | {"lmstudio_api_token": "sk-lm-x"}))
    first, second = server.headers
    assert "Bearer sk-lm-secret" in first
    assert "sk-lm-x" not in second
