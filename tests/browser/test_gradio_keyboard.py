"""The Gradio page by keyboard alone, in real Chromium with the real engine."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.gradio_page import (
    ANSWER,
    NOTE,
    QUESTION,
    STOP,
    STORY,
    answer,
    finish,
    opened,
    until,
)
from tests.running import Service

pytestmark = pytest.mark.browser


def test_a_whole_chat_needs_no_mouse(browser: Browser, gradio: Service) -> None:
    with opened(browser, gradio) as visited:
        page, keys, box = visited.page, visited.page.keyboard, "#question textarea"
        expect(page.locator(box)).to_be_focused()
        keys.type("Is n, m or ? ")
        keys.press("Shift+Enter")
        keys.type("a shortcut here?")
        expect(page.locator(box)).to_have_value("Is n, m or ? \na shortcut here?")
        expect(page.locator("#help")).to_be_hidden()
        composing = {"key": "Enter", "isComposing": True, "bubbles": True, "cancelable": True}
        page.dispatch_event(box, "keydown", composing)  # it chooses a word of an input method
        page.fill(box, STORY)
        keys.press("Enter")
        until(page, lambda: answer(page), "the first words")
        expect(page.locator(QUESTION)).to_have_text([STORY])
        keys.press("Escape")
        expect(page.locator(NOTE).last).to_contain_text("Stopped after")
        keys.press("Escape")
        expect(page.locator(box)).not_to_be_focused()
        keys.press("m")
        expect(page.get_by_role("option").first).to_be_visible()
        keys.press("ArrowDown")
        keys.press("Enter")
        expect(page.locator("#facts")).to_contain_text("F16")
        page.locator("#model input").evaluate("box => box.blur()")
        keys.press("r")
        expect(page.locator(STOP)).to_be_visible()
        finish(page)
        expect(page.locator("#conversation")).to_contain_text("2/2")
        page.locator(NOTE).last.click()
        expect(page.get_by_text("Model: lectern-101@f16")).to_be_visible()
        keys.press("n")
        expect(page.locator(QUESTION)).to_have_count(0)
        expect(page.locator(ANSWER)).to_have_count(0)
        keys.press("/")
        expect(page.locator(box)).to_be_focused()
        assert visited.script_errors == []


def test_help_explains_the_keys_and_can_switch_them_off(browser: Browser, gradio: Service) -> None:
    with opened(browser, gradio) as visited:
        page = visited.page
        page.press("#question textarea", "Escape")
        page.keyboard.press("?")
        help_ = page.get_by_role("dialog", name="Keyboard")
        expect(help_).to_contain_text("Choose a model")
        page.get_by_label("Single keys on").uncheck()
        page.keyboard.press("Escape")
        expect(help_).to_be_hidden()
        page.keyboard.press("?")
        expect(help_).to_be_hidden()
        page.get_by_role("button", name="Keyboard help").click()
        expect(help_).to_be_visible()
