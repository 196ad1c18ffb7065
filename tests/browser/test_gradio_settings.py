"""The Gradio UI's settings in real Chromium: the three modes, and presets kept in the gateway."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from chat_client import SAMPLING_FIELDS, Room, blocking
from tests.browser.gradio_page import NOTE, ask, finish, opened, set_value, show_settings
from tests.browser.pages import Visit
from tests.running import Service

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def env(kept: dict[str, str]) -> dict[str, str]:
    return kept


@pytest.fixture
def chat(browser: Browser, gradio: Service) -> Iterator[Visit]:
    with opened(browser, gradio) as visited:
        yield visited
        assert visited.foreign == []
        assert visited.script_errors == []


def test_a_beginner_sees_a_chat_and_a_developer_every_setting(chat: Visit) -> None:
    page = chat.page
    expect(page.get_by_label("Model", exact=True)).not_to_be_in_viewport()
    show_settings(page)
    for field in SAMPLING_FIELDS:
        expect(page.locator(f"#{field.name}")).to_have_count(0)
    page.get_by_label("Developer").check()
    for field in SAMPLING_FIELDS:
        expect(page.locator(f"#{field.name}")).to_contain_text(field.what)
    page.reload()
    expect(page.get_by_label("Model", exact=True)).to_be_in_viewport()
    expect(page.locator("#json_schema")).to_be_attached()
    page.get_by_label("Power user").check()
    expect(page.locator("#json_schema")).to_have_count(0)
    expect(page.locator("#temperature")).to_be_attached()


def test_a_preset_is_saved_for_both_pages_and_sets_what_it_holds(chat: Visit, room: Room) -> None:
    page = chat.page
    show_settings(page, "Developer")
    set_value(page, "temperature", "0")
    set_value(page, "max_tokens", "5")
    page.locator("#system textarea").fill("Be brief.")
    page.locator("#system textarea").press("Tab")
    page.locator("#preset-name input, #preset-name textarea").fill("Five tokens")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_label("Preset", exact=True)).to_have_value("Five tokens")
    (preset,) = (each for each in blocking(room.presets()) if each.name == "Five tokens")
    assert preset.settings["max_tokens"] == 5
    assert preset.settings["system_prompt"] == "Be brief."
    page.reload()
    expect(page.locator("#max_tokens :is(input, textarea)")).to_have_value("")
    page.get_by_label("Preset", exact=True).click()
    page.get_by_role("option", name="Five tokens").click()
    expect(page.locator("#max_tokens :is(input, textarea)")).to_have_value("5")
    expect(page.locator("#system textarea")).to_have_value("Be brief.")
    ask(page, "What is a token?")
    finish(page)
    expect(page.locator(NOTE).last).to_contain_text("in, 5 out")
    page.locator("#presets").get_by_role("button", name="Delete").click()
    expect(page.get_by_label("Preset", exact=True)).to_have_value("")
    assert all(each.name != "Five tokens" for each in blocking(room.presets()))


def test_a_setting_that_cannot_be_is_said_in_the_place_of_an_answer(chat: Visit) -> None:
    page = chat.page
    show_settings(page, "Developer")
    page.locator("#json_schema textarea").fill("{nonsense")
    page.locator("#json_schema textarea").press("Tab")
    ask_in_vain = "What is a token?"
    page.fill("#question textarea", ask_in_vain)
    page.press("#question textarea", "Enter")
    expect(page.locator(NOTE).last).to_contain_text("The JSON schema cannot be read")
    expect(page.locator("#question textarea")).to_have_value(ask_in_vain)


def test_a_setting_counts_for_the_enter_that_follows_at_once(chat: Visit) -> None:
    page = chat.page
    show_settings(page, "Developer")
    set_value(page, "temperature", "0")
    page.locator("#max_tokens :is(input, textarea)").fill("3")
    ask(page, "What is a token?")
    finish(page)
    expect(page.locator(NOTE).last).to_contain_text("3 tokens")
