"""The Streamlit page from the keyboard alone, and copying an answer."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.pages import PHONE, Visit, visit
from tests.browser.streamlit_page import answers, ask, ready
from tests.chat_client.upstream import Hang, Upstream, chunk, spoken
from tests.running import Service, wait_until

pytestmark = pytest.mark.browser

ANSWER = "A **token** is a piece of text.\n\n```python\nprint(1)\n```"


@pytest.fixture(scope="module")
def env(scripted: dict[str, str]) -> dict[str, str]:
    return scripted


@pytest.fixture
def opened(browser: Browser, streamlit: Service, server: Upstream) -> Iterator[Visit]:
    server.script = lambda _: spoken(ANSWER)
    with visit(browser, streamlit.url) as here:
        ready(here.page)
        here.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
        yield here
        assert here.foreign == []
        assert here.script_errors == []


def focused(page: Page) -> str:
    return str(page.evaluate("() => document.activeElement.innerText"))


def test_a_chat_goes_from_the_keyboard_alone(opened: Visit, server: Upstream) -> None:
    page = opened.page
    server.script = lambda _: [Hang()]
    ask(page, "Hello")
    page.get_by_text("Waiting for the first token").wait_for()
    page.keyboard.press("Escape")
    wait_until(lambda: server.active == 0, "the upstream to close")
    page.get_by_text("stopped before the first token").wait_for()
    server.script = lambda _: [chunk("It begins"), Hang()]
    page.locator('[class*="st-key-again-"]').get_by_role("button").wait_for()
    page.keyboard.press("Alt+a")
    page.get_by_text("It begins").wait_for()
    page.keyboard.press("Escape")
    wait_until(lambda: server.active == 0, "the upstream to close")
    page.get_by_text("2/2").wait_for()
    server.script = lambda _: spoken(ANSWER)
    ready(page)
    page.keyboard.press("Alt+m")
    page.get_by_text("Loaded", exact=True).wait_for()
    for _ in range(10):
        page.keyboard.press("Tab")
        if "seer" in focused(page):
            break
    page.keyboard.press("Enter")
    page.locator(".st-key-picker").get_by_text("seer").wait_for()
    page.keyboard.press("Alt+n")
    page.get_by_text("What would you like to know?").wait_for()
    box = page.get_by_test_id("stChatInput").locator("textarea")
    box.type("One")
    box.press("Shift+Enter")
    box.type("two?")
    box.press("Enter")
    page.get_by_text("first token after").wait_for()
    assert server.requests[-1]["model"] == "seer"
    assert server.requests[-1]["messages"][-1]["content"] == "One\ntwo?"


def test_on_a_phone_the_key_for_the_model_opens_the_folded_panel(
    browser: Browser, streamlit: Service, server: Upstream
) -> None:
    """A tablet's keyboard has the key, too; so has a laptop on which the panel is folded.

    A slow device: the key is pressed while parts of the page still load.
    """
    with visit(browser, f"{streamlit.url}/_stcore/health", PHONE) as here:
        page = here.page
        device = page.context.new_cdp_session(page)
        device.send("Emulation.setCPUThrottlingRate", {"rate": 6})
        page.goto(streamlit.url)
        ready(page)
        option = page.locator(".st-key-model-seer").get_by_role("button")
        for _ in range(2):  # The second time the panel stands open.
            page.keyboard.press("Alt+m")
            expect(option).to_be_in_viewport()
            option.click()
            page.locator(".st-key-picker").get_by_text("seer").wait_for()
        assert here.script_errors == []


def test_a_question_mark_shows_the_keys_but_not_while_somebody_types(opened: Visit) -> None:
    page = opened.page
    box = page.get_by_test_id("stChatInput").locator("textarea")
    box.press("?")
    assert box.input_value() == "?"
    assert page.get_by_role("dialog").count() == 0
    box.blur()
    page.keyboard.press("?")
    page.get_by_role("dialog").get_by_text("Stop the answer").wait_for()


def test_an_answer_is_copied_as_it_was_written(opened: Visit) -> None:
    page = opened.page
    ask(page, "What is a token?")
    page.get_by_text("first token after").wait_for()
    answers(page).first.get_by_role("button", name="Copy this answer").click()
    answers(page).first.get_by_text("Copied").wait_for()
    assert page.evaluate("navigator.clipboard.readText()") == ANSWER


def test_another_model_answers_the_same_question(opened: Visit, server: Upstream) -> None:
    page = opened.page
    ask(page, "Which one are you?")
    page.get_by_text("first token after").wait_for()
    page.locator('[class*="st-key-other-"]').get_by_role("button").click()
    page.get_by_role("menuitem", name="seer").or_(page.get_by_role("option", name="seer")).click()
    page.get_by_text("2/2").wait_for()
    page.get_by_text("first token after").wait_for()
    assert [sent["model"] for sent in server.requests[-2:]] == ["tiny", "seer"]
    assert server.requests[-1]["messages"] == server.requests[-2]["messages"]
    assert page.locator(".st-key-picker").get_by_text("tiny").count() == 1  # For this answer only.
