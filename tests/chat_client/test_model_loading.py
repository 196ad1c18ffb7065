"""Loading and unloading: on the real engine, and the progress that LM Studio tells."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from chat_client import ChatError, ChatSettings, list_models, load_model, unload_model
from tests.chat_client.upstream import Hang, Pause, Upstream, event, upstream
from tests.running import running, wait_until


@pytest.fixture
def server() -> Iterator[Upstream]:
    with upstream() as running_upstream:
        yield running_upstream


def told(type_: str, **more: object) -> bytes:
    return event({"type": type_, **more}, type_)


async def test_the_share_that_lm_studio_tells_is_passed_on(server: Upstream) -> None:
    server.script = lambda _: [
        told("chat.start", model_instance_id="big"),
        told("model_load.start", model_instance_id="big"),
        told("model_load.progress", progress=0.25),
        Pause(0.7),
        told("model_load.progress", progress=1),
        told("model_load.end", load_time_seconds=0.7),
        Hang(),
    ]
    progress = [step async for step in load_model(ChatSettings(lmstudio_url=server.url), "big")]
    assert 0.25 in [step.share for step in progress]
    assert progress[-1].done
    assert [step.share for step in progress[:-1]].count(1.0) == 0
    assert server.requests[0] == {
        "model": "big",
        "input": ".",
        "stream": True,
        "max_output_tokens": 1,
        "store": False,
    }
    wait_until(lambda: server.active == 0, "the question to be broken off")


async def test_a_load_that_fails_says_why(server: Upstream) -> None:
    settings = ChatSettings(lmstudio_url=server.url)
    error = {"type": "model_load_failed", "message": "Failed to load model: no memory"}
    server.script = lambda _: [told("chat.start"), told("error", error=error)]
    with pytest.raises(ChatError, match="no memory"):
        [step async for step in load_model(settings, "big")]
    server.routes["/api/v1/models/load"] = (404, {"error": {"message": "model_not_found: big"}})
    with pytest.raises(ChatError, match="no such model"):
        [step async for step in load_model(settings, "big", keep=True)]
    server.routes["/api/v1/models/unload"] = (200, {"error": "Unexpected endpoint or method."})
    with pytest.raises(ChatError, match="not on this route"):
        await unload_model(settings, "big")


async def test_leaving_ends_the_question(server: Upstream) -> None:
    server.script = lambda _: [told("chat.start"), Hang()]
    steps = load_model(ChatSettings(lmstudio_url=server.url), "big")
    assert (await anext(steps)).share is None
    await steps.aclose()
    wait_until(lambda: server.active == 0, "the upstream to be free")


async def test_a_model_is_unloaded_and_loaded_on_the_engine(
    tmp_path: Path, teaching_models: Path
) -> None:
    models = {"ENGINE_TEACHING_DIR": str(teaching_models)}
    with running("engine", tmp_path, models) as engine:
        settings = ChatSettings(lmstudio_url=engine.url)

        async def loaded() -> list[str]:
            return [model.id for model in await list_models(settings) if model.loaded]

        name = "lectern-101@q4_0"
        assert name in await loaded()
        await unload_model(settings, name)
        assert name not in await loaded()
        steps = [step async for step in load_model(settings, name)]
        assert (steps[-1].done, steps[-1].share) == (True, 1.0)
        assert name in await loaded()
        await unload_model(settings, name)
        steps = [step async for step in load_model(settings, name, 512, keep=True)]
        assert steps[-1].done
        models_now = {model.id: model for model in await list_models(settings)}
        assert models_now[name].context_length == 512
