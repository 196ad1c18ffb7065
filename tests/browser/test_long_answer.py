"""10,000 tokens that come faster than anybody reads: both UIs show every word of the answer."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.browser import gradio_page, streamlit_page
from tests.browser.pages import PHONE, visit
from tests.gradio_ui.upstream import FLOOD, upstream
from tests.running import running

pytestmark = pytest.mark.browser
WORDS = [token.strip() for token in FLOOD]
# Setting it to what it is has the browser work out the style of the whole conversation anew.
COUNT_DIRECTIONS_SET_AGAIN = """() => {
  window.setAgain = 0;
  new MutationObserver((records) => {
    for (const { oldValue, target } of records) setAgain += oldValue === target.dir;
  }).observe(document.body, { subtree: true, attributeFilter: ["dir"], attributeOldValue: true });
}"""


def test_in_gradio(browser: Browser, run_folder: Path) -> None:
    with (
        upstream() as server,
        running("gradio_ui", run_folder, {"LMSTUDIO_URL": server.url}) as service,
        gradio_page.opened(browser, service, PHONE) as visited,
    ):
        page = visited.page
        page.evaluate(COUNT_DIRECTIONS_SET_AGAIN)
        gradio_page.ask(page, "flood please")
        expect(page.locator(gradio_page.NOTE).last).to_contain_text("first token", timeout=120_000)
        assert gradio_page.answer(page).split() == WORDS
        gradio_page.ask(page, "one two")  # the page is as alive as before
        gradio_page.finish(page)
        assert page.evaluate("setAgain") == 0
        assert visited.script_errors == []


def test_in_streamlit(browser: Browser, run_folder: Path) -> None:
    with (
        upstream() as server,
        running("streamlit_ui", run_folder, {"LMSTUDIO_URL": server.url}) as service,
        visit(browser, service.url, PHONE) as visited,
    ):
        page = visited.page
        streamlit_page.ready(page)
        streamlit_page.ask(page, "flood please")
        expect(page.get_by_text("first token after")).to_be_visible(timeout=120_000)
        texts = streamlit_page.answers(page).first.get_by_test_id("stMarkdown").all_inner_texts()
        assert " ".join(texts).split()[: len(WORDS)] == WORDS
        streamlit_page.ask(page, "one two")
        streamlit_page.numbers(page, 2)
        assert visited.script_errors == []
