"""Fixtures of the Gradio UI's tests: a model server that does as it is told, settings for it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from chat_client import ChatSettings
from tests.gradio_ui.upstream import Upstream, upstream


@pytest.fixture
def model_server() -> Iterator[Upstream]:
    with upstream() as server:
        yield server


@pytest.fixture
def chat_settings(model_server: Upstream) -> ChatSettings:
    return ChatSettings(lmstudio_url=model_server.url, llm_url="")
