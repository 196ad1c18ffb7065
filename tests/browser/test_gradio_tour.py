"""The guided first visit to the Gradio UI: real Chromium, the real engine, both widths."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.browser.accessibility import serious_violations
from tests.browser.gradio_page import (
    ANSWER,
    QUESTION,
    SEND,
    STORY,
    answer,
    ask,
    finish,
    opened,
)
from tests.browser.pages import LAPTOP, PHONE, ColorScheme
from tests.running import Service

pytestmark = pytest.mark.browser
TOUR = "#tour"


def button(page: Page, name: str) -> Locator:
    return page.get_by_role("button", name=name, exact=True)


def press(page: Page, name: str) -> str:
    """Asks by one of the tour's buttons; its answer, which has to be in sight."""
    asked = page.locator(QUESTION).count()
    button(page, name).press("Enter")
    expect(page.locator(QUESTION)).to_have_count(asked + 1)
    finish(page)
    expect(button(page, name)).to_be_focused()
    expect(page.locator(ANSWER).last).to_be_in_viewport()
    return answer(page)


@pytest.mark.parametrize(
    ("size", "scheme"), [(LAPTOP, "light"), (PHONE, "dark")], ids=["laptop", "phone"]
)
def test_a_first_visit_is_walked_through_five_steps_by_keyboard(
    browser: Browser, gradio: Service, size: tuple[int, int], scheme: ColorScheme
) -> None:
    with opened(browser, gradio, size, scheme, first=True) as visited:
        page = visited.page
        expect(page.get_by_role("tab", name="Model")).to_have_attribute("aria-selected", "true")
        expect(button(page, "Back")).to_be_hidden()
        expect(page.get_by_role("button", name="What is a token?")).to_be_in_viewport(ratio=1)
        expect(page.locator(SEND)).to_be_in_viewport(ratio=1)
        assert serious_violations(page) == []
        assert press(page, "Ask: What is a language model?")
        button(page, "Next").press("Enter")
        press(page, "Ask for 8 tokens only")
        expect(page.locator("#notice")).to_contain_text("Asked for 8 tokens")
        button(page, "Next").press("Enter")
        tame = press(page, "Ask at 0")
        assert press(page, "Ask at 0") == tame
        assert press(page, "Ask at 1.5") != tame
        expect(page.locator("#notice")).to_contain_text("temperature 1.5")
        button(page, "Back").press("Enter")
        expect(page.get_by_role("tab", name="Token")).to_have_attribute("aria-selected", "true")
        button(page, "Next").press("Enter")
        button(page, "Next").press("Enter")
        press(page, "Ask: What is quantization?")
        expect(page.locator("#notice")).not_to_contain_text("temperature 1.5")
        button(page, "Next").press("Enter")
        expect(button(page, "Start a chat of my own")).to_be_focused()
        expect(page.locator(SEND)).to_be_in_viewport(ratio=1)
        assert serious_violations(page) == []
        assert visited.sideways_overflow_px() == 0
        page.keyboard.press("Enter")
        expect(page.locator(TOUR)).to_be_hidden()
        expect(page.locator(QUESTION)).to_have_count(0)
        page.reload()
        expect(page.get_by_role("button", name="What is a token?")).to_be_visible()
        expect(page.locator("#status")).not_to_be_empty()
        expect(page.locator(TOUR)).to_be_hidden()
        button(page, "Tour").press("Enter")
        expect(page.get_by_role("tab", name="Model")).to_be_focused()
        ask(page, STORY)  # a question of one's own
        expect(page.locator(TOUR)).to_be_hidden()
        assert visited.script_errors == []
        assert visited.foreign == []


def test_it_can_be_skipped_and_leaves_for_good(browser: Browser, gradio: Service) -> None:
    with opened(browser, gradio, first=True) as visited:
        page = visited.page
        expect(page.locator(TOUR)).to_be_visible()
        page.reload()  # nothing was touched yet
        expect(page.locator(TOUR)).to_be_visible()
        button(page, "Skip the tour").click()
        expect(page.locator(TOUR)).to_be_hidden()
        expect(page.locator("#question textarea")).to_be_focused()
        page.reload()
        expect(page.get_by_role("button", name="What is a token?")).to_be_visible()
        expect(page.locator("#status")).not_to_be_empty()
        expect(page.locator(TOUR)).to_be_hidden()
        page.get_by_role("link", name="Server").click()
        button(page, "Tour").click()
        expect(page.locator(TOUR)).to_be_visible()
        # A suggestion is a question of one's own.
        page.get_by_role("button", name="What is a token?").click()
        expect(page.locator(QUESTION)).to_have_count(1)
        expect(page.locator(TOUR)).to_be_hidden()
        finish(page)
        assert answer(page)
