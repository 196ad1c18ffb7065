"""The Streamlit Playground in a real browser, on the real engine: all at once, one Stop."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page

from tests.browser.pages import visit
from tests.browser.streamlit_page import LONG_STORY, ask, ready, slots
from tests.running import Service, running, wait_until

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def slow_engine(run_folder: Path, teaching_models: Path) -> Iterator[Service]:
    """So slow that no answer ends before a busy machine's browser has clicked on Stop."""
    env = {"ENGINE_TEACHING_DIR": str(teaching_models), "ENGINE_TOKENS_PER_SECOND": "2"}
    with running("engine", run_folder, env) as service:
        yield service


def pane(page: Page, number: int) -> Locator:
    return page.locator(f".st-key-pane-{number}")


def words(page: Page, number: int) -> str:
    """What a pane shows of its answer, without the contestant's name; empty while it waits."""
    texts = pane(page, number).get_by_test_id("stMarkdown").all_inner_texts()[1:]
    found = " ".join(text.strip() for text in texts if text.strip())
    return "" if found.startswith(("Waiting for", "speed and tokens")) else found


def test_all_are_asked_at_once_and_one_stop_frees_every_slot(
    browser: Browser, run_folder: Path, slow_engine: Service
) -> None:
    env = {"LMSTUDIO_URL": slow_engine.url, "CHAT_ABANDONED_S": "600"}
    link = "/playground?sides=3&temperature_2=1.5&seed_3=7"
    with running("streamlit_ui", run_folder, env) as ui, visit(browser, ui.url + link) as here:
        page = here.page
        ready(page)
        before = slots(slow_engine)
        ask(page, LONG_STORY)
        wait_until(lambda: all(words(page, number) for number in range(3)), "three answers", 60)
        assert slots(slow_engine)["active"] == 3
        page.get_by_role("link", name="Chat", exact=True).click()
        page.get_by_text("What would you like to know?").wait_for()
        page.get_by_role("link", name="Playground").click()
        wait_until(lambda: words(page, 2), "the round to be there again", 60)
        assert slots(slow_engine)["active"] == 3  # Nobody was given up meanwhile.
        page.get_by_role("button", name="Stop", exact=True).click()
        stopped = before["cancelled"] + 3
        wait_until(lambda: slots(slow_engine)["cancelled"] == stopped, "every slot", 30)
        assert slots(slow_engine)["active"] == 0
        wait_until(lambda: page.get_by_text("stopped").count() == 3, "three stopped answers", 60)
        ready(page)
        ask(page, "And now?")
        wait_until(lambda: slots(slow_engine)["active"] == 3, "the next round", 60)
        page.get_by_test_id("stChatInputStopButton").click()
        wait_until(lambda: slots(slow_engine)["active"] == 0, "the slots of the next round", 30)
        assert (here.foreign, here.script_errors) == ([], [])
