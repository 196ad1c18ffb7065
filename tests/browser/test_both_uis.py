"""One history in two web UIs: a chat that begins in one goes on in the other, by one gateway."""

from __future__ import annotations

import re
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from chat_client import Room, blocking
from tests.browser import gradio_page, streamlit_page
from tests.browser.pages import LAPTOP, PHONE, visit
from tests.running import Service

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def env(kept: dict[str, str]) -> dict[str, str]:
    return kept


def chat_of(page: Page) -> str:
    """The chat that the page's address names, once it does."""
    page.wait_for_url("**/?*chat=*")
    return "/?chat=" + parse_qs(urlsplit(page.url).query)["chat"][0]


def words(text: str) -> str:
    """A line as it is read: one space is like another."""
    return " ".join(text.split())


@pytest.mark.parametrize("size", [LAPTOP, PHONE], ids=["laptop", "phone"])
def test_a_chat_of_streamlit_goes_on_in_gradio(
    browser: Browser, streamlit: Service, gradio: Service, size: tuple[int, int]
) -> None:
    with visit(browser, streamlit.url, size) as here:
        page = here.page
        streamlit_page.ready(page)
        streamlit_page.ask(page, "What is a token?")
        streamlit_page.numbers(page, 1)
        numbers = words(page.get_by_text("first token after").inner_text())
        said = streamlit_page.begun(page, 1)
        chat = chat_of(page)
        assert here.sideways_overflow_px() == 0
    for part in ("tokens in, ", " out · ", " tokens/s · ", " · ended by ", "lectern-101"):
        assert part in numbers
    with gradio_page.opened(browser, gradio, size, path=chat) as there:
        page = there.page
        expect(page.locator(gradio_page.QUESTION)).to_have_text(["What is a token?"])
        expect(page.locator(gradio_page.ANSWER).first).to_contain_text(said)
        expect(page.locator(gradio_page.NOTE).last).to_have_text(numbers)
        gradio_page.ask(page, "What is quantization?")
        gradio_page.finish(page)
        expect(page.locator(gradio_page.NOTE)).to_have_count(2)
        assert there.sideways_overflow_px() == 0


@pytest.mark.parametrize("size", [LAPTOP, PHONE], ids=["laptop", "phone"])
def test_a_chat_of_gradio_goes_on_in_streamlit(
    browser: Browser, streamlit: Service, gradio: Service, size: tuple[int, int]
) -> None:
    with gradio_page.opened(browser, gradio, size) as here:
        page = here.page
        gradio_page.ask(page, "What is a token?")
        expect(page.locator(gradio_page.NOTE).last).to_contain_text("first token after")
        said = words(gradio_page.answer(page))
        numbers = page.locator(gradio_page.NOTE).last.inner_text()
        chat = chat_of(page)
    with visit(browser, streamlit.url + chat, size) as there:
        page = there.page
        streamlit_page.ready(page)
        assert words(streamlit_page.begun(page, 1)) in said
        assert words(page.get_by_text("first token after").inner_text()) == words(numbers)
        streamlit_page.ask(page, "What is quantization?")
        streamlit_page.numbers(page, 2)
        page.get_by_text("What is a token?").first.wait_for()


@pytest.mark.parametrize("size", [LAPTOP, PHONE], ids=["laptop", "phone"])
def test_a_prompt_kept_in_streamlit_is_used_and_deleted_in_gradio(
    browser: Browser, streamlit: Service, gradio: Service, size: tuple[int, int]
) -> None:
    with visit(browser, f"{streamlit.url}/?mode=Power+user", size) as here:
        page = here.page
        streamlit_page.ready(page)
        if size == PHONE:
            page.get_by_test_id("stExpandSidebarButton").click()
        page.get_by_role("tab", name="Settings").click()
        box = page.get_by_label("System prompt", exact=True)
        page.get_by_role("button", name="Prompt library").click()
        page.get_by_role("combobox", name="Use a prompt").click()
        page.get_by_role("option", name="Pirate", exact=True).click()
        expect(box).to_have_value(re.compile("friendly pirate"))
        page.keyboard.press("Escape")
        box.fill("Answer in rhymes.")
        box.blur()
        page.get_by_role("button", name="Prompt library").click()
        page.get_by_label("Keep the prompt in the box as").fill("Poet")
        page.get_by_role("button", name="Keep", exact=True).click()
        page.get_by_text("The prompt is kept.").wait_for()
        assert here.sideways_overflow_px() == 0
        assert here.script_errors == []
    with gradio_page.opened(browser, gradio, size) as there:
        page = there.page
        gradio_page.show_settings(page, "Power user")
        page.get_by_role("button", name="Prompt library").click()
        pick = page.get_by_label("Use a prompt", exact=True)
        pick.click()
        page.get_by_role("option", name="Poet", exact=True).click()
        expect(page.locator("#system textarea")).to_have_value("Answer in rhymes.")
        page.get_by_label("Preset", exact=True).click()
        expect(page.get_by_role("option", name="Poet")).to_have_count(0)  # It is no preset.
        page.keyboard.press("Escape")
        page.get_by_role("button", name="Delete prompt").click()
        expect(pick).to_have_value("")
        pick.click()
        expect(page.get_by_role("option", name="Pirate", exact=True)).to_be_visible()
        expect(page.get_by_role("option", name="Poet")).to_have_count(0)
        assert there.script_errors == []


def test_a_thumb_given_in_one_ui_is_seen_and_changed_in_the_other(
    browser: Browser, streamlit: Service, gradio: Service, room: Room
) -> None:
    def kept(chat: str) -> list[str | None]:
        messages = blocking(room.get(chat.partition("=")[2])).messages
        return [each.feedback for each in messages if each.role == "assistant"]

    def thumbs(page: Page, name: str) -> Locator:
        return page.locator("#conversation").get_by_role("button", name=name, exact=True)

    with gradio_page.opened(browser, gradio) as here:
        page = here.page
        for question in ("What is a token?", "What is quantization?"):
            gradio_page.ask(page, question)
            gradio_page.finish(page)
        expect(thumbs(page, "Like")).to_have_count(2)
        thumbs(page, "Like").last.click()
        chat = chat_of(page)
        gradio_page.until(page, lambda: kept(chat) == [None, "up"], "the thumb to be kept")
        page.reload()
        expect(thumbs(page, "Liked")).to_have_count(1)
        expect(thumbs(page, "Like")).to_have_count(1)
        with visit(browser, streamlit.url + chat, PHONE) as there:
            streamlit_page.ready(there.page)
            up = there.page.get_by_role("radio", name="Thumbs up")
            down = there.page.get_by_role("radio", name="Thumbs down")
            expect(up.last).to_be_checked()
            expect(up.first).not_to_be_checked()
            down.last.click()
            expect(down.last).to_be_checked()
            up.first.click()
            expect(up.first).to_be_checked()
            assert there.sideways_overflow_px() == 0
            assert there.script_errors == []
            gradio_page.until(page, lambda: kept(chat) == ["up", "down"], "both to be kept")
            page.reload()
            expect(thumbs(page, "Disliked")).to_have_count(1)
            expect(thumbs(page, "Liked")).to_have_count(1)
            thumbs(page, "Disliked").click()
            expect(thumbs(page, "Dislike")).to_have_count(2)
            gradio_page.until(page, lambda: kept(chat) == ["up", None], "one to be taken back")
        assert here.script_errors == []
