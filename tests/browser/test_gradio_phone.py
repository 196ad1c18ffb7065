"""The Gradio UI in a hand: what a laptop can, a phone can too. Two walks at 390x844."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, FilePayload, Page, expect

from tests.browser.accessibility import serious_violations
from tests.browser.gradio_page import (
    NOTE,
    QUESTION,
    STOP,
    answer,
    ask,
    finish,
    opened,
    show_settings,
    until,
)
from tests.browser.pages import PHONE
from tests.gradio_ui.upstream import SEES, Upstream, upstream
from tests.running import Service, running

pytestmark = pytest.mark.browser
NOTES: FilePayload = {"name": "notes.txt", "mimeType": "text/plain", "buffer": b"The fox. " * 20}


@pytest.fixture(scope="module")
def env(kept: dict[str, str]) -> dict[str, str]:
    return kept


@pytest.fixture(scope="module")
def model() -> Iterator[Upstream]:
    with upstream() as server:
        yield server


def fold_settings(page: Page) -> None:
    page.locator("#settings.open .toggle-button").click()
    expect(page.get_by_label("Model", exact=True)).not_to_be_in_viewport()


def stop_and_step_through_versions(page: Page, model: Upstream) -> None:
    ask(page, "endless please")
    until(page, lambda: answer(page), "the first words")
    page.locator(STOP).tap()
    finish(page)
    until(page, lambda: model.open == 0, "the model server to be let go")
    expect(page.locator(NOTE).last).to_contain_text("Stopped after")

    page.get_by_role("button", name="Edit").first.tap()
    page.locator("#conversation textarea").fill("one two three")
    page.get_by_role("button", name="Submit").tap()
    expect(page.locator("#conversation")).to_contain_text("You asked: one two three")
    finish(page)
    page.get_by_role("button", name="Retry").last.tap()
    expect(page.get_by_text("2/2")).to_have_count(2)  # the question's and the answer's
    finish(page)
    page.get_by_role("link", name="\u2039").first.tap()
    expect(page.locator(QUESTION)).to_have_text(["endless please"])


def choose_file_model_and_prompt(page: Page) -> None:
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="Attach").tap()
    chooser.value.set_files(NOTES)
    expect(page.locator("#tray .chips li")).to_contain_text("tokens")

    show_settings(page, "Power user")
    page.get_by_label("Model", exact=True).tap()
    page.get_by_role("option").filter(has_text=SEES).tap()
    page.get_by_role("button", name="Prompt library").tap()
    page.get_by_label("Use a prompt", exact=True).tap()
    page.get_by_role("option", name="Pirate", exact=True).tap()
    expect(page.locator("#system textarea")).to_have_value(re.compile("friendly pirate"))
    page.get_by_label("Keep the prompt in the box as").fill("Sailor")
    page.get_by_role("button", name="Keep", exact=True).tap()
    expect(page.get_by_label("Use a prompt", exact=True)).to_have_value("Sailor")
    assert serious_violations(page) == []
    fold_settings(page)


def test_a_chat_with_stop_versions_a_file_and_settings(
    browser: Browser, run_folder: Path, kept: dict[str, str], model: Upstream
) -> None:
    env = kept | {"LMSTUDIO_URL": model.url}
    with (
        running("gradio_ui", run_folder, env) as service,
        opened(browser, service, PHONE) as visited,
    ):
        page = visited.page
        stop_and_step_through_versions(page, model)
        assert visited.sideways_overflow_px() == 0
        choose_file_model_and_prompt(page)
        assert visited.sideways_overflow_px() == 0
        ask(page, "four five")
        finish(page)
        expect(page.locator("#tray .meter summary")).to_contain_text("Context")
        body = model.bodies[-1]
        assert body["model"] == SEES
        assert "friendly pirate" in body["messages"][0]["content"]
        assert "The fox." in body["messages"][-1]["content"]
        expect(page.locator(NOTE).last).to_contain_text("tokens in")
        assert visited.sideways_overflow_px() == 0
        assert (visited.foreign, visited.script_errors) == ([], [])


def test_a_blind_round_that_a_reload_does_not_lose_and_a_program_to_copy(
    browser: Browser, gradio: Service, engine: Service
) -> None:
    with opened(browser, gradio, PHONE, path="/?place=playground") as visited:
        page = visited.page
        page.context.grant_permissions(["clipboard-read", "clipboard-write"])
        names = page.locator("#panes .pane-head h2")
        page.get_by_role("button", name="Two models, names hidden").tap()
        expect(names).to_have_text(["Model A", "Model B"])
        page.reload()
        expect(page.get_by_role("button", name="Both bad")).to_be_visible(timeout=60_000)
        expect(names).to_have_text(["Model A", "Model B"])
        page.get_by_role("button", name="Second is better").tap()
        expect(page.locator("#ballot")).to_contain_text("the vote counts")
        expect(names.last).to_contain_text("lectern-101")
        expect(page.locator("#leaderboard")).to_contain_text("95 % interval")
        assert visited.sideways_overflow_px() == 0

        page.get_by_role("link", name="Server", exact=True).tap()
        page.get_by_role("tab", name="curl").tap()
        expect(page.locator("#server-snippets pre:visible")).to_contain_text("YOUR_KEY")
        page.get_by_label("The model server itself").check()
        expect(page.locator("#server-snippets pre:visible")).to_contain_text(engine.url)
        page.get_by_role("button", name="Copy curl").tap()
        assert engine.url in page.evaluate("navigator.clipboard.readText()")
        assert visited.sideways_overflow_px() == 0
        assert (visited.foreign, visited.script_errors) == ([], [])
