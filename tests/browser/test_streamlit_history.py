"""Chats that last, in a real browser: kept by the real gateway, answered by the real engine."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page
from playwright.sync_api import TimeoutError as PlaywrightTimeout

from tests.browser.pages import LAPTOP, PHONE, Visit, visit
from tests.browser.streamlit_page import answers, ask, begun, numbers, ready
from tests.chat_client.upstream import upstream
from tests.exports import CHATGPT
from tests.running import Service, free_port, running, wait_until

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def env(kept: dict[str, str]) -> dict[str, str]:
    return kept


@pytest.fixture
def opened(browser: Browser, streamlit: Service) -> Iterator[Visit]:
    with visit(browser, streamlit.url) as here:
        ready(here.page)
        yield here
        assert here.foreign == []
        assert here.script_errors == []


def rows(page: Page, title: str) -> Locator:
    """The chats of that name in the side panel."""
    panel = page.get_by_test_id("stSidebar")
    return panel.locator('[class*="st-key-open-"]').filter(has_text=title)


def kept(page: Page, title: str) -> None:
    """Waits until the list shows one chat of that name."""
    wait_until(lambda: rows(page, title).count() == 1, f"{title} in the list")


def choose(page: Page, title: str, action: str) -> None:
    """Picks from the menu of a chat's row."""
    row = page.locator('[class*="st-key-chat-row-"]').filter(has_text=title)
    menu = row.locator('[class*="st-key-menu-"]').get_by_role("button")
    wait_until(lambda: menu.count() == 1, "one row of that name")
    menu.click()
    page.get_by_role("menuitem", name=action, exact=True).or_(
        page.get_by_role("option", name=action, exact=True)
    ).click()


def test_a_chat_is_listed_and_outlives_the_page_and_the_process(
    browser: Browser, run_folder: Path, env: dict[str, str]
) -> None:
    with running("streamlit_ui", run_folder, env) as first, visit(browser, first.url) as here:
        ready(here.page)
        ask(here.page, "What is a token, for the restart?")
        numbers(here.page, 1)
        kept(here.page, "for the restart?")
        wait_until(lambda: "chat=" in here.page.url, "the chat's address")
        said = begun(here.page, 1)
        query = here.page.url.split("?", 1)[1]
    with (
        running("streamlit_ui", run_folder, env) as second,
        visit(browser, f"{second.url}/?{query}") as here,
    ):
        ready(here.page)
        assert begun(here.page, 1) == said
        kept(here.page, "for the restart?")
        ask(here.page, "And now?")  # It goes on where it was.
        numbers(here.page, 2)


def test_a_chat_is_opened_renamed_deleted_and_brought_back(opened: Visit) -> None:
    page = opened.page
    ask(page, "Tell me about parrots.")
    numbers(page, 1)
    kept(page, "Tell me about parrots.")
    page.get_by_role("button", name="New chat").click()
    page.get_by_text("What would you like to know?").wait_for()
    rows(page, "Tell me about parrots.").get_by_role("button").click()
    numbers(page, 1)
    choose(page, "Tell me about parrots.", "Rename")
    page.get_by_label("New name").fill("Birds")
    page.get_by_label("New name").press("Enter")
    kept(page, "Birds")
    choose(page, "Birds", "Delete")
    page.get_by_text("Deleted “Birds”.").wait_for()
    wait_until(lambda: rows(page, "Birds").count() == 0, "the chat to go")
    page.get_by_role("button", name="Undo").click()
    kept(page, "Birds")
    numbers(page, 1)


@pytest.mark.parametrize("size", [LAPTOP, PHONE], ids=["laptop", "phone"])
def test_a_chat_leaves_as_a_file_and_another_comes_in(
    browser: Browser, streamlit: Service, size: tuple[int, int]
) -> None:
    question = f"What is a token, at {size[0]} pixels?"
    with visit(browser, streamlit.url, size) as here:
        page = here.page
        ready(page)
        ask(page, question)
        numbers(page, 1)
        if size == PHONE:
            page.get_by_test_id("stExpandSidebarButton").click()
        kept(page, question)
        choose(page, question, "Export")
        page.get_by_role("button", name="Save the file").wait_for()
        assert here.sideways_overflow_px() == 0
        with page.expect_download() as download:
            page.get_by_role("button", name="Save the file").click()
        assert download.value.suggested_filename.endswith(".md")
        assert question in Path(download.value.path()).read_text()
        page.keyboard.press("Escape")
        page.get_by_role("button", name="Import", exact=True).click()
        data = json.dumps([CHATGPT | {"title": f"From {size[0]}"}]).encode()
        page.locator('[role="dialog"] input[type="file"]').set_input_files(
            {"name": "conversations.json", "mimeType": "application/json", "buffer": data}
        )
        page.get_by_text("1 chat with 1 message came in.").wait_for()
        page.get_by_role("button", name="Open it").click()
        page.get_by_role("dialog").wait_for(state="hidden")
        kept(page, f"From {size[0]}")
        page.get_by_text("Hello from there").first.wait_for(state="attached")
        assert here.foreign == []
        assert here.script_errors == []


def test_a_search_finds_the_words_of_a_chat(opened: Visit) -> None:
    page = opened.page
    ask(page, "Do zebras dream of quagmires?")
    numbers(page, 1)
    kept(page, "zebras")
    page.get_by_role("button", name="New chat").click()
    page.get_by_label("Search chats").fill("quagmires")
    page.get_by_label("Search chats").press("Enter")
    page.get_by_test_id("stSidebar").locator("strong", has_text="quagmires").wait_for()
    rows(page, "zebras").get_by_role("button").click()
    numbers(page, 1)
    page.get_by_label("Search chats").fill("xylophonists")
    page.get_by_label("Search chats").press("Enter")
    page.get_by_text("No chat holds these words.").wait_for()


def test_an_answer_and_a_question_have_versions(opened: Visit) -> None:
    page = opened.page
    ask(page, "What is a token, in versions?")
    numbers(page, 1)
    page.locator('[class*="st-key-again-"]').get_by_role("button").click()
    page.get_by_text("2/2").wait_for()
    numbers(page, 1)
    page.locator('[class*="st-key-older-m"]').get_by_role("button").click()
    page.get_by_text("1/2").wait_for()
    page.locator('[class*="st-key-edit-"]').get_by_role("button").click()
    page.get_by_label("Your question").fill("What is quantization?")
    page.get_by_role("button", name="Send", exact=True).click()
    page.get_by_text("2/2").wait_for()
    numbers(page, 1)
    assert answers(page).count() == 1
    assert page.get_by_text("in versions?").count() <= 1  # Only its name in the list.
    page.reload()
    ready(page)
    page.get_by_text("2/2").wait_for()  # The branch that was shown is the one that comes back.
    page.locator('[class*="st-key-older-m"]').get_by_role("button").first.click()
    page.get_by_text("1/2").first.wait_for()


def unfolded(page: Page) -> bool:
    """Opens the presets; False when the page was drawn anew and closed them."""
    page.get_by_text("Presets", exact=True).click()
    try:
        page.get_by_label("Save these settings as").wait_for(timeout=5000)
    except PlaywrightTimeout:
        return False
    return True


def picked(page: Page, label: str, option: str) -> bool:
    """Opens a list and picks from it; False when the page was drawn anew and closed the list."""
    page.get_by_label(label).click()
    found = page.get_by_role("option", name=option)
    try:
        found.click(timeout=5000)
    except PlaywrightTimeout:
        page.keyboard.press("Escape")
        return False
    return True


def test_settings_are_kept_as_a_preset_and_a_chat_remembers_them(opened: Visit) -> None:
    page = opened.page
    page.goto(f"{page.url}?mode=Developer&temperature=0.2")
    ready(page)
    page.get_by_role("tab", name="Settings").click()
    page.get_by_label("Seed").fill("7")
    page.get_by_label("Seed").press("Tab")
    wait_until(lambda: "seed=7" in page.url, "the setting in the address")
    wait_until(lambda: unfolded(page), "the presets")
    page.get_by_label("Save these settings as").fill("Careful")
    page.get_by_label("Save these settings as").press("Tab")
    page.get_by_role("button", name="Save", exact=True).click()
    page.get_by_role("button", name="Export as JSON").wait_for()
    page.goto(f"{page.url.split('?')[0]}?mode=Developer")
    ready(page)
    page.get_by_role("tab", name="Settings").click()
    wait_until(lambda: unfolded(page), "the presets")
    wait_until(lambda: picked(page, "Use a preset", "Careful"), "the preset to be picked")
    wait_until(lambda: page.get_by_label("Seed").input_value() == "7", "the preset's seed")
    wait_until(lambda: "temperature=0.2" in page.url, "the preset's temperature")


def test_without_the_gateway_the_chat_goes_on_and_is_kept_later(
    browser: Browser, run_folder: Path
) -> None:
    port = free_port()
    key_file = run_folder / "late-ui-key"
    with upstream() as server:
        env = {
            "LMSTUDIO_URL": server.url,
            "GATEWAY_URL": f"http://127.0.0.1:{port}",
            "GATEWAY_UI_KEY_FILE": str(key_file),
        }
        data = {
            "LMSTUDIO_URL": server.url,
            "GATEWAY_DATA_DIR": str(run_folder / "late-data"),
            "GATEWAY_UI_KEY_FILE": str(key_file),
        }
        with running("streamlit_ui", run_folder, env) as ui, visit(browser, ui.url) as here:
            ready(here.page)
            here.page.get_by_text("No history now.").wait_for()
            ask(here.page, "Anybody there?")
            numbers(here.page, 1)
            here.page.get_by_text("This chat is not kept.").wait_for()
            with running("gateway", run_folder, data, port=port):
                kept(here.page, "Anybody there?")
                wait_until(
                    lambda: here.page.get_by_text("This chat is not kept.").count() == 0,
                    "the note to go",
                )
            assert here.foreign == []
