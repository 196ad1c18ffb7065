"""The Streamlit page in a real browser, on the real engine: what people see, what Stop does."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser

from tests.browser.pages import LAPTOP, PHONE, Visit, visit
from tests.browser.slots import slots
from tests.browser.streamlit_page import LONG_STORY, answers, ask, begun, numbers, ready
from tests.chat_client.upstream import Cut, Hang, Pause, chunk, spoken, upstream
from tests.running import Service, free_port, running, wait_until

pytestmark = pytest.mark.browser

STOPPED = re.compile(
    r"about [\d,]+\stokens out · [\d.,]+\stokens/s "
    r"· first token after [\d.]+\ss · stopped · \S"
)


@pytest.fixture
def opened(browser: Browser, streamlit: Service) -> Iterator[Visit]:
    """The page, ready to be asked."""
    with visit(browser, streamlit.url) as here:
        ready(here.page)
        yield here
        assert here.foreign == []
        assert here.script_errors == []


@pytest.fixture
def slow(browser: Browser, slow_streamlit: Service, slow_engine: Service) -> Iterator[Visit]:
    """The page with all the time in the world."""
    assert slow_engine
    with visit(browser, slow_streamlit.url) as here:
        ready(here.page)
        yield here
        assert here.foreign == []
        assert here.script_errors == []


def test_an_answer_ends_with_its_numbers(opened: Visit) -> None:
    page = opened.page
    ask(page, LONG_STORY)
    numbers(page, 1)
    assert begun(page, 1)
    assert "tokens/s" in answers(page).first.inner_text()


def test_an_answer_grows_and_stop_frees_the_slot_and_the_chat_goes_on(
    slow: Visit, slow_engine: Service
) -> None:
    page = slow.page
    before = slots(slow_engine)
    ask(page, LONG_STORY)
    shown = begun(page, 1)
    for _ in range(3):  # It comes bit by bit.
        shorter = shown
        wait_until(lambda: len(begun(page, 1)) > len(shorter), "more of the answer")  # noqa: B023
        shown = begun(page, 1)
    page.get_by_test_id("stChatInputStopButton").click()
    wait_until(lambda: slots(slow_engine)["cancelled"] > before["cancelled"], "the slot")
    assert slots(slow_engine)["active"] == 0
    page.get_by_text(STOPPED).wait_for()
    assert shown in answers(page).first.inner_text()  # What came before Stop is kept.
    ready(page)
    ask(page, "What is a token?")
    begun(page, 2)


def test_a_suggestion_can_be_stopped_too(slow: Visit, slow_engine: Service) -> None:
    page = slow.page
    before = slots(slow_engine)
    page.get_by_role("button", name=LONG_STORY).click()
    begun(page, 1)
    page.get_by_role("button", name="Stop").click()
    wait_until(lambda: slots(slow_engine)["cancelled"] > before["cancelled"], "the slot")
    page.get_by_text("stopped ·").wait_for()


def test_a_reload_in_mid_answer_goes_on_where_it_was(slow: Visit, slow_engine: Service) -> None:
    page = slow.page
    before = slots(slow_engine)
    ask(page, LONG_STORY)
    shown = begun(page, 1)
    page.reload()
    assert begun(page, 1).startswith(shown)  # What had come is back, and more comes.
    wait_until(lambda: len(begun(page, 1)) > len(shown), "more of the answer")
    assert page.get_by_text(LONG_STORY).count() == 1
    assert slots(slow_engine)["cancelled"] == before["cancelled"]
    page.get_by_role("button", name="Stop").click()
    wait_until(lambda: slots(slow_engine)["active"] == 0, "the slot")
    page.get_by_text("stopped ·").wait_for()
    ready(page)
    ask(page, "What is a token?")
    begun(page, 2)


def test_a_closed_tab_frees_the_slot_unless_it_comes_back(
    browser: Browser, run_folder: Path, slow_engine: Service
) -> None:
    before = slots(slow_engine)
    env = {"LMSTUDIO_URL": slow_engine.url, "CHAT_ABANDONED_S": "3"}
    with running("streamlit_ui", run_folder, env) as service:
        with visit(browser, service.url) as here:
            ready(here.page)
            ask(here.page, LONG_STORY)
            begun(here.page, 1)
        wait_until(lambda: slots(slow_engine)["cancelled"] > before["cancelled"], "the slot")


def test_a_setting_changed_in_mid_answer_does_not_break_it(opened: Visit) -> None:
    page = opened.page
    page.goto(f"{page.url}?mode=Power+user")
    ready(page)
    page.get_by_role("tab", name="Settings").click()
    ask(page, LONG_STORY)
    begun(page, 1)
    page.get_by_test_id("stSlider").first.locator("input").press("ArrowRight")
    numbers(page, 1)
    assert "stopped" not in opened.text()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [LAPTOP, PHONE], ids=["laptop", "phone"])
def test_nothing_sticks_out_and_nothing_is_fetched_from_elsewhere(
    browser: Browser, streamlit: Service, size: tuple[int, int], scheme: Any
) -> None:
    with visit(browser, streamlit.url, size, scheme) as here:
        ready(here.page)
        assert here.sideways_overflow_px() == 0
        ask(here.page, "What is a token?")
        numbers(here.page, 1)
        assert here.sideways_overflow_px() == 0
        assert here.foreign == []


def test_the_chrome_of_the_framework_is_gone(opened: Visit) -> None:
    for name in ("stAppDeployButton", "stMainMenu", "stDecoration", "stStatusWidget"):
        assert opened.page.get_by_test_id(name).count() == 0


def test_stop_works_before_the_first_token(browser: Browser, run_folder: Path) -> None:
    with upstream() as server:
        server.script = lambda _: [Hang()]
        env = {"LMSTUDIO_URL": server.url, "CHAT_ABANDONED_S": "600"}
        with running("streamlit_ui", run_folder, env) as ui, visit(browser, ui.url) as here:
            ready(here.page)
            ask(here.page, "Hello")
            here.page.get_by_text("Waiting for the first token").wait_for()
            here.page.get_by_test_id("stChatInputStopButton").click()
            wait_until(lambda: server.active == 0, "the upstream to close")
            here.page.get_by_text("before the first token").wait_for()


def test_the_page_waits_for_the_server_and_survives_its_loss(
    browser: Browser, run_folder: Path
) -> None:
    port = free_port()
    env = {"LMSTUDIO_URL": f"http://127.0.0.1:{port}"}
    with running("streamlit_ui", run_folder, env) as ui, visit(browser, ui.url) as here:
        page = here.page
        page.get_by_text("No model server answers yet").wait_for()
        assert here.sideways_overflow_px() == 0
        with upstream(port) as server:
            ready(page)  # By itself: nobody has reloaded the page.
            server.script = lambda _: [chunk("The beginning of"), Pause(0.2), Cut()]
            ask(page, "Hello")
            page.get_by_text("The answer was cut off").wait_for()
            page.get_by_text("token out · first token after").wait_for()
        page.get_by_text("No answer can come just now").wait_for()
        assert page.get_by_text("The beginning of").count() == 1
        with upstream(port) as server:
            server.script = lambda _: spoken("Back again.")
            ready(page)
            ask(page, "Hello?")
            page.get_by_text("Back again.").wait_for()
        assert "Traceback" not in here.text()
        assert here.foreign == []


def test_a_model_cannot_make_the_browser_fetch(browser: Browser, run_folder: Path) -> None:
    with upstream() as server:
        server.script = lambda _: spoken("Look: ![a cat](http://picture.example/cat.png) nice.")
        env = {"LMSTUDIO_URL": server.url}
        with running("streamlit_ui", run_folder, env) as ui, visit(browser, ui.url) as here:
            ready(here.page)
            ask(here.page, "Show me a cat")
            numbers(here.page, 1)
            assert here.page.get_by_role("link", name="a cat").count() == 1
            assert here.foreign == []
