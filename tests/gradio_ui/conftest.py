"""Fixtures of the Gradio UI's tests: a model server that does as it is told, settings for it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from chat_client import ChatSettings
from tests.gradio_ui.upstream import Upstream, upstream
from tests.running import Service, running


@pytest.fixture
def model_server() -> Iterator[Upstream]:
    with upstream() as server:
        yield server


@pytest.fixture
def chat_settings(model_server: Upstream) -> ChatSettings:
    return ChatSettings(lmstudio_url=model_server.url, llm_url="")


@pytest.fixture(scope="module")
def server() -> Iterator[Upstream]:
    """The model server of `service`."""
    with upstream() as running_server:
        yield running_server


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory, server: Upstream) -> Iterator[Service]:
    """The Gradio UI, offered to agents and programs, that answers one at a time."""
    env = {"LMSTUDIO_URL": server.url, "GRADIO_MCP": "true", "CHAT_CONCURRENCY": "1"}
    with running("gradio_ui", tmp_path_factory.mktemp("service"), env) as started:
        yield started
