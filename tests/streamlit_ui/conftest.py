"""Fixtures of the Streamlit UI's tests: a model server that does as it is told."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest
import streamlit as st

from tests.chat_client.upstream import Upstream, upstream


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Upstream]:
    """The page's model server; what another test's page has cached is forgotten."""
    with upstream() as running:
        monkeypatch.setenv("LMSTUDIO_URL", running.url)
        st.cache_resource.clear()
        st.cache_data.clear()
        yield running
    gc.unfreeze()  # what the page has spared collections is garbage now
