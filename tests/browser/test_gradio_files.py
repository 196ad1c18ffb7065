"""Chats and presets out of the Gradio page and in again, in real Chromium with the real gateway."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from playwright.sync_api import Browser, FilePayload, Locator, Page, expect

from tests.browser.gradio_page import CHAT, ask, finish, opened, show_settings
from tests.exports import CHATGPT
from tests.running import Service

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def env(kept: dict[str, str]) -> dict[str, str]:
    return kept


def saved(page: Page, button: Locator) -> tuple[str, str]:
    """Clicks and returns the file's name and text."""
    with page.expect_download() as download:
        button.click()
    return download.value.suggested_filename, Path(download.value.path()).read_text()


def bring(page: Page, button: Locator, name: str, text: str) -> None:
    with page.expect_file_chooser() as chooser:
        button.click()
    file: FilePayload = {"name": name, "mimeType": "application/json", "buffer": text.encode()}
    chooser.value.set_files(file)


def test_chats_leave_as_files_and_come_in_again(browser: Browser, gradio: Service) -> None:
    with opened(browser, gradio) as visited:
        page = visited.page
        ask(page, "What is a token?")
        finish(page)
        row = page.locator("#shelf li", has_text="What is a token?")
        row.hover()
        row.get_by_label("More for").click()
        name, text = saved(page, page.get_by_role("button", name="Save as text"))
        assert name.endswith(".md")
        assert "What is a token?" in text
        everything = page.get_by_role("button", name="Export all")
        name, text = saved(page, everything)
        assert name.endswith(".json")
        assert json.loads(text)
        importing = page.get_by_role("button", name="Import chats")
        bring(page, importing, name, text)
        expect(page.locator("#shelf .told")).to_contain_text("1 was here already")
        bring(page, importing, "conversations.json", json.dumps([CHATGPT]))
        expect(page.locator(CHAT, has_text="From elsewhere")).to_be_visible()
        bring(page, importing, "list.json", "no JSON at all")
        expect(page.locator("#shelf .told")).not_to_contain_text("came in")
        expect(page.locator(CHAT)).to_have_count(2)
        assert visited.foreign == []
        assert visited.script_errors == []


def test_presets_leave_as_a_file_and_come_in_again(browser: Browser, gradio: Service) -> None:
    with opened(browser, gradio) as visited:
        page = visited.page
        show_settings(page, "Power user")
        page.locator("#system textarea").fill("Be brief.")
        page.locator("#system textarea").press("Tab")
        page.locator("#preset-name input, #preset-name textarea").fill("Brief")
        page.get_by_role("button", name="Save", exact=True).click()
        expect(page.get_by_label("Preset", exact=True)).to_have_value("Brief")
        name, text = saved(page, page.get_by_role("button", name="Export presets"))
        assert name == "lectern-presets.json"
        page.locator("#presets").get_by_role("button", name="Delete").click()
        expect(page.get_by_label("Preset", exact=True)).to_have_value("")
        bring(page, page.get_by_role("button", name="Import presets"), name, text)
        expect(page.locator("#preset-notice")).to_contain_text("1 presets came in")
        page.get_by_label("Preset", exact=True).click()
        expect(page.get_by_role("option", name="Brief")).to_be_visible()
