"""Chats as files, without a browser: what the page says of each, with a real gateway behind it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from tests.chat_client.upstream import Upstream, upstream
from tests.conftest import new_key
from tests.exports import CHATGPT
from tests.running import Service
from tests.streamlit_ui.test_app import page, words

LIST = "/lectern/conversations?limit=50&utc_offset_minutes=0"


@pytest.fixture
def server() -> Iterator[Upstream]:
    with upstream() as running:
        yield running


@pytest.fixture
def kept(
    server: Upstream,
    gateway: Service,
    run_folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A gateway with an empty history behind the page."""
    monkeypatch.setenv("LMSTUDIO_URL", server.url)
    monkeypatch.setenv("GATEWAY_URL", gateway.url)
    monkeypatch.setenv("GATEWAY_KEY", new_key(run_folder, tmp_path.name))
    st.cache_resource.clear()


def bring(opened: AppTest, name: str, data: bytes) -> str:
    """Imports a file and returns all that the page says afterwards."""
    opened.button(key="files_import").click().run()
    importing = next(each for each in opened.file_uploader if "ChatGPT" in each.label)
    importing.upload(name, data, "application/json").run()
    assert not opened.exception
    return words(opened) + "\n".join(str(each.value) for each in opened.success)


@pytest.mark.usefixtures("kept")
def test_a_chat_of_chatgpt_comes_in_and_is_opened() -> None:
    opened = page()
    said = bring(opened, "conversations.json", json.dumps([CHATGPT]).encode())
    assert "1 chat with " in said
    assert "came in" in said
    assert CHATGPT["title"] in [button.label for button in opened.button]
    opened.button(key="open_imported").click().run()
    assert opened.query_params["chat"]
    assert len(opened.chat_message) > 0
    assert "was here already" in bring(opened, "again.json", json.dumps([CHATGPT]).encode())


@pytest.mark.usefixtures("kept")
@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"no JSON at all", "must be a JSON list or object"),
        (b'{"a": ', "not JSON in UTF-8, or it is damaged"),
        (b'[{"a": 1}]', "must be an export of Lectern, ChatGPT's conversations.json, or Open"),
        (b"[]", "holds no conversation"),
    ],
)
def test_a_file_that_is_no_export_is_told_apart(data: bytes, sentence: str) -> None:
    assert sentence in bring(page(), "list.json", data)


def test_without_the_gateway_an_export_says_why_there_is_none(
    server: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    with upstream() as room:
        room.routes["/lectern/conversations?limit=50&utc_offset_minutes=0"] = (
            200,
            {"conversations": []},
        )
        monkeypatch.setenv("LMSTUDIO_URL", server.url)
        monkeypatch.setenv("GATEWAY_URL", room.url)
        monkeypatch.setenv("GATEWAY_KEY", "any")
        st.cache_resource.clear()
        opened = page()
    opened.button(key="files_export").click().run()
    assert "The gateway does not answer. It keeps the history" in opened.error[0].value
    assert not opened.get("download_button")


def test_an_address_that_is_no_gateways_is_told_and_the_chat_goes_on(
    server: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LMSTUDIO_URL", server.url)
    monkeypatch.setenv("GATEWAY_URL", server.url)
    monkeypatch.setenv("GATEWAY_KEY", "any")
    st.cache_resource.clear()
    opened = page()
    assert "Check GATEWAY_URL: another server answers there." in words(opened)
    assert not opened.chat_input[0].disabled
