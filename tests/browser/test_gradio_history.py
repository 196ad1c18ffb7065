"""Kept chats in the Gradio UI: real Chromium, the real service, gateway and engine."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from chat_client import Dialogue, Room, blocking
from tests.browser.gradio_page import (
    ANSWER,
    CHAT,
    NOTE,
    QUESTION,
    STORY,
    answer,
    ask,
    finish,
    opened,
    unseen_px,
    until,
)
from tests.browser.pages import PHONE, Visit
from tests.gradio_ui.upstream import upstream
from tests.running import Service, free_port, running

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def env(kept: dict[str, str]) -> dict[str, str]:
    return kept


@pytest.fixture
def chat(browser: Browser, gradio: Service, room: Room) -> Iterator[Visit]:
    """A fresh page over an empty room."""
    for conversation in blocking(room.page()).conversations:
        blocking(room.erase(conversation.id))
    with opened(browser, gradio) as visited:
        expect(visited.page.locator("#shelf")).to_contain_text("Chats that you begin")
        yield visited
        assert visited.foreign == []
        assert visited.script_errors == []


def begin(page: Page, question: str) -> str:
    """Asks, waits for the answer and for its place in the list; returns the answer."""
    ask(page, question)
    finish(page)
    expect(page.locator(f"{CHAT}[aria-current]")).to_contain_text(question)
    page.wait_for_url("**/?chat=*")
    return answer(page)


def more(page: Page, title: str, action: str) -> None:
    row = page.locator("#shelf li", has_text=title)
    row.hover()
    row.locator("summary").click()
    row.get_by_role("button", name=action, exact=True).click()


def test_a_chat_is_listed_today_and_survives_a_reload(chat: Visit) -> None:
    page = chat.page
    said = begin(page, "What is a token?")
    expect(page.locator("#shelf h2")).to_have_text(["Today"])
    page.reload()
    expect(page.locator(QUESTION)).to_have_text(["What is a token?"])
    expect(page.locator(ANSWER)).to_have_text([said])
    expect(page.locator(NOTE).last).to_contain_text("tokens/s")
    ask(page, "What is quantization?")
    finish(page)
    expect(page.locator(QUESTION)).to_have_count(2)
    expect(page.locator(CHAT)).to_have_count(1)


def test_it_is_the_chat_that_every_other_program_with_the_key_sees(chat: Visit, room: Room) -> None:
    page = chat.page
    said = begin(page, "What is a token?")
    (kept,) = blocking(room.page()).conversations
    dialogue = blocking(Dialogue.open(room, kept.id))
    assert [each.message.text.strip() for each in dialogue.shown] == ["What is a token?", said]
    elsewhere = Dialogue()
    elsewhere.ask("Asked elsewhere", "another").answer.stop()
    assert blocking(elsewhere.keep(room))
    page.reload()
    page.locator(CHAT, has_text="Asked elsewhere").click()
    expect(page.locator(QUESTION)).to_have_text(["Asked elsewhere"])
    expect(page.locator(f"{CHAT}[aria-current]")).to_have_text("Asked elsewhere")


def test_a_restart_of_the_service_loses_nothing(
    browser: Browser, run_folder: Path, env: dict[str, str]
) -> None:
    port = free_port()
    with (
        running("gradio_ui", run_folder, env, port=port) as service,
        opened(browser, service) as visited,
    ):
        page = visited.page
        said = begin(page, "What is temperature?")
        service.stop()
        with running("gradio_ui", run_folder, env, port=port):
            page.reload()
            expect(page.locator(ANSWER)).to_have_text([said])
            ask(page, "What is a token?")
            finish(page)
            expect(page.locator(QUESTION)).to_have_count(2)


def test_chats_are_found_renamed_deleted_and_taken_back(chat: Visit) -> None:
    page = chat.page
    begin(page, "What is a token?")
    page.get_by_role("button", name="New chat").click()
    expect(page.locator(QUESTION)).to_have_count(0)
    begin(page, "What is quantization?")
    expect(page.locator(CHAT)).to_have_count(2)
    page.fill("#search input, #search textarea", "quantization")
    expect(page.locator(CHAT)).to_have_count(1)
    expect(page.locator("#shelf mark").first).to_be_visible()
    page.fill("#search input, #search textarea", "")
    expect(page.locator(CHAT)).to_have_count(2)
    more(page, "What is a token?", "Rename")
    page.get_by_label("New name").fill("All about tokens")
    page.get_by_label("New name").press("Enter")
    expect(page.locator(CHAT, has_text="All about tokens")).to_be_visible()
    more(page, "All about tokens", "Delete")
    expect(page.locator(CHAT)).to_have_count(1)
    page.get_by_role("button", name="Undo").click()
    expect(page.locator(CHAT, has_text="All about tokens")).to_be_visible()
    more(page, "All about tokens", "Pin")
    expect(page.locator("#shelf h2")).to_have_text(["Pinned", "Today"])


def test_answers_and_questions_have_versions_to_step_through(chat: Visit) -> None:
    page = chat.page
    begin(page, "What is a token?")
    page.get_by_role("button", name="Retry").click()
    expect(page.get_by_text("2/2")).to_be_visible()
    finish(page)
    page.get_by_role("link", name="\u2039").click()
    expect(page.get_by_text("1/2")).to_be_visible()
    page.locator(QUESTION).hover()
    page.get_by_role("button", name="Edit").first.click()
    page.locator("#conversation textarea").fill("What is quantization?")
    page.get_by_role("button", name="Submit").click()
    expect(page.locator(QUESTION)).to_have_text(["What is quantization?"])
    finish(page)
    expect(page.get_by_text("2/2")).to_be_visible()
    page.reload()
    expect(page.locator(QUESTION)).to_have_text(["What is quantization?"])
    page.get_by_role("link", name="\u2039").click()
    expect(page.locator(QUESTION)).to_have_text(["What is a token?"])


def test_a_reload_in_mid_answer_finds_it_going_on_to_its_end(chat: Visit) -> None:
    page = chat.page
    ask(page, STORY)
    page.wait_for_url("**/?chat=*")
    words = until(page, lambda: answer(page), "the first words")
    page.reload()
    until(page, lambda: answer(page).startswith(words), "the words that were there")
    finish(page)
    expect(page.locator(NOTE).last).to_contain_text("tokens/s")


def test_another_chat_opens_while_an_opened_one_is_still_answering(
    browser: Browser, run_folder: Path, env: dict[str, str], chat: Visit
) -> None:
    begin(chat.page, "What is a token?")
    with (
        upstream() as server,
        running("gradio_ui", run_folder, {**env, "LMSTUDIO_URL": server.url}) as service,
        opened(browser, service) as visited,
    ):
        page = visited.page
        ask(page, "endless please")
        page.wait_for_url("**/?chat=*")
        page.click("#new-chat")
        page.locator(CHAT, has_text="endless please").click()
        until(page, lambda: answer(page), "the answer that goes on")
        page.locator(CHAT, has_text="What is a token?").click()
        expect(page.locator(QUESTION)).to_have_text(["What is a token?"])


def test_with_the_gateway_away_the_chat_goes_on_and_says_that_nothing_is_kept(
    browser: Browser, run_folder: Path, env: dict[str, str]
) -> None:
    away = {**env, "GATEWAY_URL": f"http://127.0.0.1:{free_port()}"}
    with running("gradio_ui", run_folder, away) as service, opened(browser, service) as visited:
        page = visited.page
        ask(page, "What is a token?")
        finish(page)
        assert answer(page)
        expect(page.locator("#notice")).to_contain_text("nothing of it is kept")
        ask(page, "What is quantization?")
        finish(page)
        expect(page.locator(QUESTION)).to_have_count(2)
        expect(page.locator("#shelf")).to_contain_text("The gateway does not answer")


def test_on_a_phone_the_chats_are_behind_a_button_and_open_at_their_end(
    browser: Browser, gradio: Service, chat: Visit, room: Room
) -> None:
    for name in ("First", "Second"):
        long = Dialogue()
        long.ask(name + "\n\nand more" * 60, "another").answer.stop()
        assert blocking(long.keep(room))
    begin(chat.page, "What is a token?")
    with opened(browser, gradio, PHONE) as visited:
        page = visited.page
        expect(page.locator(CHAT).first).not_to_be_in_viewport()
        page.locator("#chats .toggle-button").click()
        page.locator(CHAT, has_text="What is a token?").click()
        expect(page.locator(QUESTION)).to_have_text(["What is a token?"])
        expect(page.locator("#search")).not_to_be_in_viewport()
        assert visited.sideways_overflow_px() == 0
        for name in ("First", "Second"):
            page.locator("#chats .toggle-button").click()
            page.locator(CHAT, has_text=name).click()
            expect(page.locator(QUESTION)).to_contain_text(name)
            until(page, lambda: unseen_px(page) < 10, f"the end of the chat {name}")
            page.locator("#conversation").hover()
            page.mouse.wheel(0, -10_000)
            until(page, lambda: unseen_px(page) > 100, "its beginning to be in sight")
