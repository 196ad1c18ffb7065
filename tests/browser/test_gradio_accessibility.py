"""Nothing on the Gradio chat keeps somebody out: axe-core in light and dark, in every state."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, FilePayload, expect

from tests.browser.accessibility import serious_violations
from tests.browser.gradio_page import NOTE, answer, ask, finish, opened, show_settings, until
from tests.browser.pages import LAPTOP, PHONE, ColorScheme, visit
from tests.gradio_ui.upstream import upstream
from tests.running import Service, free_port, running

pytestmark = pytest.mark.browser
NOTES: FilePayload = {"name": "notes.txt", "mimeType": "text/plain", "buffer": b"The fox. " * 20}
GAME: FilePayload = {"name": "game.exe", "mimeType": "text/plain", "buffer": b"\0\1" * 100}


@pytest.fixture(scope="module")
def env() -> Iterator[dict[str, str]]:
    with upstream() as server:
        yield {"LMSTUDIO_URL": server.url}


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_chat_keeps_nobody_out(browser: Browser, gradio: Service, scheme: ColorScheme) -> None:
    with opened(browser, gradio, LAPTOP, scheme) as visited:
        page = visited.page
        expect(page.get_by_text("What is a token?")).to_be_visible()
        assert serious_violations(page) == []
        with page.expect_file_chooser() as chooser:
            page.get_by_role("button", name="Attach").click()
        chooser.value.set_files([NOTES, GAME])
        expect(page.get_by_role("alert")).to_be_visible()
        assert serious_violations(page) == []
        ask(page, "think about it")
        finish(page)
        ask(page, "long please")
        finish(page)
        ask(page, "endless please")
        until(page, lambda: answer(page), "the first words")
        assert serious_violations(page) == []
        page.keyboard.press("Escape")
        finish(page)
        page.locator(NOTE).last.click()
        show_settings(page, "Developer")
        expect(page.locator("#json_schema")).to_be_attached()
        assert serious_violations(page) == []
        page.get_by_label("Model", exact=True).click()
        expect(page.get_by_role("option").first).to_be_visible()
        expect(page.locator("#model .options")).to_have_css("opacity", "1")  # it fades in
        assert serious_violations(page) == []
        page.keyboard.press("Escape")
        page.get_by_role("button", name="Keyboard help").click()
        expect(page.get_by_role("dialog", name="Keyboard")).to_be_visible()
        assert serious_violations(page) == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_playground_and_the_server_page_keep_nobody_out(
    browser: Browser, gradio: Service, scheme: ColorScheme
) -> None:
    with opened(browser, gradio, LAPTOP, scheme, path="/?place=playground") as visited:
        page = visited.page
        expect(page.get_by_label("Model 1", exact=True)).not_to_have_value("")
        assert serious_violations(page) == []
        page.fill("#prompt textarea", "two words")
        page.press("#prompt textarea", "Enter")
        expect(page.get_by_role("button", name="Both bad")).to_be_visible()
        page.get_by_label("Mark where the answers part").check()
        expect(page.locator("#panes .marked").first).to_be_visible()
        assert serious_violations(page) == []
        page.get_by_role("button", name="Tie").click()
        expect(page.locator("#ballot")).to_contain_text("not kept")
        assert serious_violations(page) == []

        page.get_by_role("link", name="Chat", exact=True).click()
        ask(page, "two words")
        finish(page)
        page.get_by_role("link", name="Server", exact=True).click()
        page.get_by_text("How to load").click()
        for fold in ("Headers", "Answer"):
            page.locator(f"[data-fold={fold}] summary").click()
        expect(page.locator("[data-fold=Answer]")).to_contain_text("data: [DONE]")
        assert serious_violations(page) == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_phone_without_a_model_server_keeps_nobody_out(
    browser: Browser, run_folder: Path, scheme: ColorScheme
) -> None:
    away = {"LMSTUDIO_URL": f"http://127.0.0.1:{free_port()}"}
    with (
        running("gradio_ui", run_folder, away) as service,
        visit(browser, service.url, PHONE, scheme) as visited,
    ):
        expect(visited.page.locator("#state")).to_contain_text("Trying again")
        assert serious_violations(visited.page) == []
        assert visited.sideways_overflow_px() == 0
