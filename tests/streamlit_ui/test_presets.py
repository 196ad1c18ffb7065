"""Presets as a file, without a browser: what the page says when the gateway does not give it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from tests.chat_client.upstream import Upstream, upstream
from tests.streamlit_ui.test_app import developer, page
from tests.streamlit_ui.test_chat_files import LIST

EXPORT = "/lectern/presets/export"
PRESET = {
    "id": "p1",
    "name": "Careful",
    "settings": {"temperature": 0.2},
    "shared": False,
    "mine": True,
    "owner": "ana",
    "version": 1,
}


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Upstream]:
    with upstream() as running:
        monkeypatch.setenv("LMSTUDIO_URL", running.url)
        monkeypatch.setenv("GATEWAY_KEY", "any")
        yield running


def export(opened: AppTest) -> list[str]:
    """Clicks on it and returns what the page says of a failure."""
    opened.button(key="export_presets").click().run()
    assert not opened.exception
    return [toast.value for toast in opened.toast]


def opened_with(room: Upstream, monkeypatch: pytest.MonkeyPatch) -> AppTest:
    room.routes[LIST] = (200, {"conversations": []})
    room.routes["/lectern/presets"] = (200, {"presets": [PRESET]})
    monkeypatch.setenv("GATEWAY_URL", room.url)
    st.cache_resource.clear()
    st.cache_data.clear()
    return developer(page())


@pytest.mark.usefixtures("server")
def test_a_refused_export_says_why_and_a_later_one_can_be_saved(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with upstream() as room:
        opened = opened_with(room, monkeypatch)
        refusal = {"message": "The limit of 3 requests a minute is reached.", "code": "rate_limit"}
        room.routes[EXPORT] = (429, {"error": refusal})
        assert export(opened) == ["The limit of 3 requests a minute is reached."]
        assert not opened.get("download_button")
        room.routes[EXPORT] = (200, {"format": "lectern", "presets": [PRESET]})
        assert export(opened) == []
        assert len(opened.get("download_button")) == 1


@pytest.mark.usefixtures("server")
def test_an_export_without_the_gateway_says_that_it_does_not_answer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with upstream() as room:
        opened = opened_with(room, monkeypatch)
    assert "The gateway does not answer." in export(opened)[0]
    assert not opened.get("download_button")
