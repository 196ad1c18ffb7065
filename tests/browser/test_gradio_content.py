"""What a Gradio chat shows besides plain words: tool calls, in the thought that led to them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.accessibility import serious_violations
from tests.browser.gradio_page import (
    ANSWER,
    QUESTION,
    answer,
    ask,
    finish,
    opened,
    unseen_px,
    until,
)
from tests.browser.pages import LAPTOP, PHONE
from tests.gradio_ui.upstream import upstream
from tests.running import Service, running

pytestmark = pytest.mark.browser
expect.set_options(timeout=30_000)


@pytest.fixture(scope="module")
def gradio(run_folder: Path) -> Iterator[Service]:
    with (
        upstream() as server,
        running("gradio_ui", run_folder, {"LMSTUDIO_URL": server.url}) as service,
    ):
        yield service


@pytest.mark.parametrize("size", [LAPTOP, PHONE], ids=["laptop", "phone"])
def test_a_tool_call_is_named_by_its_thought_and_opens_with_it(
    browser: Browser, gradio: Service, size: tuple[int, int]
) -> None:
    with opened(browser, gradio, size) as visited:
        page = visited.page
        ask(page, "plan my day")
        finish(page)
        thought = page.locator("#conversation .thought-group").first
        arguments = thought.get_by_text('"city": "Bern"')
        expect(thought.locator(".title").first).to_contain_text("Thought · tool call: get_weather")
        expect(arguments).to_have_count(0)
        thought.locator(".title").first.click()
        expect(thought.get_by_text("First I wonder.")).to_be_visible()
        call = thought.locator(".thought-group")
        expect(call.locator(".title")).to_have_text("Tool call: get_weather")
        expect(arguments).to_be_visible()
        expect(page.get_by_role("button", name="Like", exact=True)).to_have_count(1)
        assert serious_violations(page) == []
        ask(page, "tool please")  # Without a thought it stands by itself.
        finish(page)
        alone = page.locator("#conversation .title", has_text=re.compile(r"^\s*Tool call"))
        expect(alone).to_have_count(2)
        alone.last.click()
        expect(page.get_by_text('"city": "Bern"')).to_have_count(2)
        assert visited.sideways_overflow_px() == 0
        assert visited.script_errors == []


def test_enter_without_a_question_or_in_mid_answer_leaves_the_page_as_it_is(
    browser: Browser, gradio: Service
) -> None:
    with opened(browser, gradio) as visited:
        page = visited.page
        box = page.locator("#question textarea")
        ask(page, "one")
        finish(page)
        box.press("Enter")
        ask(page, "endless please")
        until(page, lambda: "word3" in answer(page), "some words")
        box.press("Enter")
        expect(page.locator(QUESTION)).to_have_text(["one", "endless please"])
        seen = answer(page)
        until(page, lambda: len(answer(page)) > len(seen), "more words")
        page.keyboard.press("Escape")
        finish(page)
        expect(page.locator(QUESTION)).to_have_text(["one", "endless please"])
        assert visited.script_errors == []


def test_a_suggestion_clicked_before_the_page_is_ready_and_enter_ask_once(
    browser: Browser, gradio: Service
) -> None:
    with opened(browser, gradio) as visited:
        page = visited.page
        slow = page.context.new_cdp_session(page)
        slow.send("Emulation.setCPUThrottlingRate", {"rate": 4})
        page.reload(wait_until="commit")
        page.get_by_role("button", name="What is a token?").click()
        page.locator("#question textarea").press("Enter")
        slow.send("Emulation.setCPUThrottlingRate", {"rate": 1})
        expect(page.locator(ANSWER).first).to_have_text("You asked: What is a token?")
        expect(page.locator("#status")).not_to_be_empty()
        finish(page)
        expect(page.locator(QUESTION)).to_have_text(["What is a token?"])
        ask(page, "one more")
        finish(page)
        expect(page.locator(ANSWER).last).to_have_text("You asked: one more")
        assert visited.script_errors == []


def test_in_mid_answer_the_buttons_of_the_tour_do_nothing(
    browser: Browser, gradio: Service
) -> None:
    with opened(browser, gradio) as visited:
        page = visited.page
        ask(page, "endless please")
        until(page, lambda: answer(page), "the first words")
        page.get_by_role("button", name="Tour", exact=True).click()
        first = page.get_by_role("button", name="Ask: What is a language model?")
        expect(first).to_be_disabled()
        first.press("Enter")
        first.click(force=True)
        page.get_by_role("button", name="Next", exact=True).press("Enter")
        second = page.get_by_role("button", name="Ask: What is a token?")
        expect(second).to_be_disabled()
        second.press(" ")
        page.keyboard.press("Escape")
        finish(page)
        expect(page.locator(QUESTION)).to_have_text(["endless please"])
        expect(second).to_be_enabled()
        second.press("Enter")
        expect(page.locator(QUESTION)).to_have_text(["endless please", "What is a token?"])
        assert visited.script_errors == []


def test_a_question_brings_its_answer_into_sight(browser: Browser, gradio: Service) -> None:
    with opened(browser, gradio, PHONE) as visited:
        page = visited.page
        ask(page, "long")
        finish(page)
        until(page, lambda: unseen_px(page) < 10, "the end of the answer to be in sight")
        page.locator(QUESTION).first.scroll_into_view_if_needed()
        ask(page, "one")
        finish(page)
        expect(page.locator(ANSWER).last).to_have_text("You asked: one")
        expect(page.locator(ANSWER).last).to_be_in_viewport(ratio=1)
        assert visited.script_errors == []


TOP = "document.querySelector('#conversation .bubble-wrap').scrollTop"


def test_who_scrolls_up_stays_there_and_who_comes_back_down_follows_again(
    browser: Browser, gradio: Service
) -> None:
    with opened(browser, gradio, PHONE) as visited:
        page = visited.page
        ask(page, "long")
        finish(page)
        ask(page, "endless please")
        more_words(page)
        until(page, lambda: unseen_px(page) < 10, "the end to be followed")
        page.locator("#conversation").hover()
        scroll_up(page)
        more_words(page)
        assert page.evaluate(TOP) == 0
        page.mouse.wheel(0, 10_000)
        until(page, lambda: unseen_px(page) < 10, "the end to be in sight")
        more_words(page)
        until(page, lambda: unseen_px(page) < 10, "the end to be followed again")
        scroll_up(page)
        page.keyboard.press("Escape")
        finish(page)
        assert page.evaluate(TOP) == 0
        ask(page, "one")
        until(page, lambda: unseen_px(page) < 10, "the answer to one's own question")
        assert visited.script_errors == []


def scroll_up(page: Page) -> None:
    """Turns the wheel until the beginning is in sight, as a person does.

    One turn may come to nothing: when the page goes to the answer's end at that very moment.
    """

    def turn() -> bool:
        page.mouse.wheel(0, -10_000)
        return bool(page.evaluate(TOP) == 0)

    until(page, turn, "the beginning to be in sight")


def more_words(page: Page) -> None:
    """Waits for several lines more, so that the page has had time to move."""
    seen = len(answer(page))
    until(page, lambda: len(answer(page)) > seen + 200, "more words")
