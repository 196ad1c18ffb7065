"""The list of models from each of LM Studio's catalogues, and from servers that have none."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import SecretStr

from chat_client import (
    ChatError,
    ChatSettings,
    Message,
    Sampling,
    grouped,
    list_models,
    stream_answer,
    vision_problem,
)
from tests.chat_client.upstream import Upstream, native_model, upstream
from tests.running import ROOT, Service


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


async def test_the_picker_gets_groups_badges_and_sizes(server: Upstream) -> None:
    capabilities = {
        "vision": True,
        "trained_for_tool_use": True,
        "reasoning": {"allowed_options": ["off", "on"], "default": "on"},
    }
    big = native_model(
        "big", loaded_instances=[], capabilities=capabilities, size_bytes=17_990_911_801
    )
    server.routes["/api/v1/models"] = (200, {"models": [big, native_model()]})
    models = await list_models(ChatSettings(lmstudio_url=server.url))
    loaded, available = grouped(models)
    assert (loaded.name, [model.id for model in loaded.models]) == ("Loaded", ["tiny"])
    assert (available.name, available.models[0].badges) == (
        "Available",
        ("vision", "tools", "reasoning"),
    )
    assert (available.models[0].size, loaded.models[0].size) == ("18.0 GB", "1 MB")
    assert available.models[0].reasoning_options == ("off", "on")
    assert loaded.models[0].publisher == "lectern"
    assert vision_problem(available.models[0]) is None
    assert "cannot see pictures" in str(vision_problem(loaded.models[0]))


@pytest.fixture
def narrow_key(run_folder: Path, gateway: Service) -> SecretStr:
    """A key of the session's gateway that is for one quantization."""
    make = ["keys", "create", "--name", "only-q8", "--model", "*q8_0"]
    env = {
        "PYTHONPATH": str(ROOT / "services"),
        "GATEWAY_DATA_DIR": str(run_folder / "gateway-data"),
    }
    command = [sys.executable, "-m", "gateway", *make]
    done = subprocess.run(command, env=env, cwd=ROOT, capture_output=True, text=True, check=True)
    return SecretStr(done.stdout.strip())


async def test_a_model_that_the_key_is_not_for_says_so(
    gateway: Service, narrow_key: SecretStr, engine: Service
) -> None:
    settings = ChatSettings(llm_url=gateway.url, llm_api_key=narrow_key)
    models = {model.id: model for model in await list_models(settings)}
    assert models["lectern-101@q8_0"].refused == ""
    assert models["lectern-101@q4_0"].refused == "The key only-q8 is for other models: *q8_0."
    # The gateway is of the same opinion.
    question = [Message("user", "Hello")]
    with pytest.raises(ChatError, match="may not use"):
        await anext(stream_answer(settings, "lectern-101@q4_0", question, Sampling()))
    direct = await list_models(ChatSettings(lmstudio_url=engine.url))
    assert [model.refused for model in direct] == [""] * len(direct)
