"""Presenter mode in a real browser, on the real engine: a talk given with the keys of a clicker."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from tests.browser.pages import PHONE, visit
from tests.browser.slots import slots
from tests.browser.streamlit_page import LONG_STORY, ask
from tests.running import Service, free_port, running, wait_until

pytestmark = pytest.mark.browser


def heading(page: Page, title: str) -> None:
    page.get_by_role("heading", name=title, exact=True).wait_for()
    # The keys work as soon as their buttons are there.
    page.locator(".st-key-stage-keys button").nth(1).wait_for(state="attached")


def finished(page: Page, count: int) -> None:
    """Waits until that many answers stand on the stage, with their numbers."""
    wait_until(lambda: page.get_by_text("first token after").count() == count, "the answers")


def press(page: Page, key: str) -> None:
    page.locator("body").press(key)


def test_a_talk_is_given_with_one_key(browser: Browser, streamlit: Service) -> None:
    with visit(browser, streamlit.url + "/present?step=2") as here:
        page = here.page
        heading(page, "Tokens")
        assert page.get_by_test_id("stSidebar").is_hidden()
        press(page, "PageDown")  # asks the step's one prompt
        finished(page, 1)
        assert "tokens/s" in here.text()
        press(page, "PageDown")  # there is no other: the next step
        heading(page, "Temperature")
        assert "step=3" in page.url
        press(page, "PageDown")
        finished(page, 1)
        press(page, "PageDown")
        finished(page, 2)
        first, second = (
            page.locator(f".st-key-scene-3-{number} p").all_inner_texts()[1:-1] for number in (0, 1)
        )
        assert first == second != []  # temperature 0; above it the prompt, below it its numbers
        press(page, "ArrowLeft")
        heading(page, "Tokens")
        finished(page, 1)  # its answer still stands there
        press(page, "Backspace")
        finished(page, 0)
        page.reload()
        heading(page, "Tokens")  # a link, or a reload, leads back to the step
        assert here.sideways_overflow_px() == 0
        assert here.foreign == []
        assert here.script_errors == []


def test_stop_ends_an_answer_and_the_room_may_ask(
    browser: Browser, slow_streamlit: Service, slow_engine: Service
) -> None:
    with visit(browser, slow_streamlit.url + "/present", PHONE) as here:
        page = here.page
        heading(page, "One step, repeated")
        ask(page, LONG_STORY)
        wait_until(lambda: slots(slow_engine)["active"] == 1, "the answer to begin")
        page.get_by_role("button", name="Stop").wait_for()
        page.get_by_text(LONG_STORY).first.wait_for()
        press(page, "Escape")
        wait_until(lambda: slots(slow_engine)["active"] == 0, "the slot")
        page.get_by_text("stopped").first.wait_for()
        assert here.sideways_overflow_px() == 0
        page.get_by_test_id("stExpandSidebarButton").click()  # There is a way out.
        page.get_by_role("link", name="Chat", exact=True).click()
        page.get_by_text("What would you like to know?").wait_for()


def test_the_timer_runs_and_survives_a_reload(browser: Browser, streamlit: Service) -> None:
    with visit(browser, streamlit.url + "/present") as here:
        timer = here.page.get_by_role("timer")
        timer.wait_for()
        assert timer.inner_text() == "0:00"
        here.page.get_by_role("button", name="Start or pause the timer").click()
        wait_until(lambda: timer.inner_text() != "0:00", "the timer to run")
        here.page.reload()
        timer.wait_for()
        wait_until(lambda: timer.inner_text() > "0:01", "the timer to go on")
        here.page.get_by_role("button", name="Start or pause the timer").click()
        here.page.get_by_role("button", name="Set the timer to zero").click()
        wait_until(lambda: timer.inner_text() == "0:00", "zero")


def test_no_host_is_shown_when_the_server_is_away(
    browser: Browser, run_folder: Path, tmp_path: Path
) -> None:
    port = free_port()
    deck = tmp_path / "mine.md"
    deck.write_text("# Mine\n\n## Our house\n\nHello.\n\n```prompt seed=7\nWho are you?\n```\n")
    env = {"LMSTUDIO_URL": f"http://127.0.0.1:{port}", "STREAMLIT_DECK": str(deck)}
    with running("streamlit_ui", run_folder, env) as ui:
        with visit(browser, ui.url + "/present") as here:
            heading(here.page, "Our house")  # a deck of one's own
            here.page.get_by_text("No answer can come just now").wait_for()
            assert "127.0.0.1" not in here.text()
