"""Fixtures that the browser tests share: both UIs, what stands behind them, a slow engine.

A module whose UIs are set up in another way says so with an `env` of its own: `kept` and
`scripted` are two that several need.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect
from pydantic import SecretStr

from chat_client import ChatSettings, Room
from tests.browser.slots import slots
from tests.chat_client.upstream import Upstream, native_model, upstream
from tests.conftest import new_key
from tests.running import Service, running, wait_until

# As patient as a page's own waits are: a busy machine must not make a test fail.
expect.set_options(timeout=60_000)


@pytest.fixture(scope="module")
def env(engine: Service) -> dict[str, str]:
    """What the module's UIs are started with: the engine at the demo's speed, nothing is kept."""
    return {"LMSTUDIO_URL": engine.url}


@pytest.fixture(scope="module")
def key(request: pytest.FixtureRequest, run_folder: Path, gateway: Service) -> str:
    """A key of the module's own: its chats, presets and votes are no other module's."""
    assert gateway
    return new_key(run_folder, request.module.__name__.rpartition(".")[2])


@pytest.fixture(scope="module")
def kept(engine: Service, gateway: Service, key: str) -> dict[str, str]:
    """An `env` with a gateway that keeps chats, presets and votes."""
    return {"LMSTUDIO_URL": engine.url, "GATEWAY_URL": gateway.url, "GATEWAY_KEY": key}


@pytest.fixture(scope="module")
def room(gateway: Service, key: str) -> Room:
    """The room as any other program with the module's key sees it."""
    return Room(ChatSettings(gateway_url=gateway.url, gateway_key=SecretStr(key)))


@pytest.fixture(scope="module")
def server() -> Iterator[Upstream]:
    """A model server that says what its script tells it; one of its two models sees pictures."""
    with upstream() as running_server:
        seeing = native_model("seer", capabilities={"vision": True, "trained_for_tool_use": False})
        both = {"models": [native_model("tiny"), seeing]}
        running_server.routes["/api/v1/models"] = (200, both)
        yield running_server


@pytest.fixture(scope="module")
def scripted(server: Upstream) -> dict[str, str]:
    """An `env` in front of `server`; no answer is given up because nobody reads it."""
    return {"LMSTUDIO_URL": server.url, "CHAT_ABANDONED_S": "600"}


@pytest.fixture(scope="module")
def gradio(run_folder: Path, env: dict[str, str]) -> Iterator[Service]:
    with running("gradio_ui", run_folder, env) as service:
        yield service


@pytest.fixture(scope="module")
def streamlit(run_folder: Path, env: dict[str, str]) -> Iterator[Service]:
    with running("streamlit_ui", run_folder, env) as service:
        yield service


@pytest.fixture(scope="session")
def slow_engine_of_all(run_folder: Path, teaching_models: Path) -> Iterator[Service]:
    env = {"ENGINE_TEACHING_DIR": str(teaching_models), "ENGINE_TOKENS_PER_SECOND": "2"}
    with running("engine", run_folder, env) as service:
        yield service


@pytest.fixture
def slow_engine(slow_engine_of_all: Service) -> Service:
    """So slow that no answer ends before a busy machine's browser has clicked on Stop; idle."""
    wait_until(lambda: slots(slow_engine_of_all)["active"] == 0, "an idle engine")
    return slow_engine_of_all


@pytest.fixture(scope="session")
def slow_gradio(run_folder: Path, slow_engine_of_all: Service) -> Iterator[Service]:
    """The Gradio UI in front of the slow engine."""
    env = {"LMSTUDIO_URL": slow_engine_of_all.url}
    with running("gradio_ui", run_folder, env) as service:
        yield service


@pytest.fixture(scope="session")
def slow_streamlit(run_folder: Path, slow_engine_of_all: Service) -> Iterator[Service]:
    """The Streamlit UI in front of the slow engine.

    An answer that nobody reads would be given up after a while: not here, so that only a Stop, a
    reload or a closed tab can have freed a slot.
    """
    env = {"LMSTUDIO_URL": slow_engine_of_all.url, "CHAT_ABANDONED_S": "600"}
    with running("streamlit_ui", run_folder, env) as service:
        yield service
