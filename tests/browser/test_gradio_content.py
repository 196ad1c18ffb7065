"""What a Gradio chat shows besides plain words: tool calls, in the thought that led to them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.accessibility import serious_violations
from tests.browser.gradio_page import ask, finish, opened
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
        thought = page.locator("#conversation .bot-row > * .thought-group").first
        arguments = thought.get_by_text('"city": "Bern"')
        expect(thought.locator(".title")).to_have_text("Thought · tool call: get_weather (0.1s)")
        expect(arguments).to_have_count(0)
        thought.locator(".title").click()
        expect(thought.get_by_text("First I wonder.")).to_be_visible()
        call = thought.locator(".thought-group")
        expect(call.locator(".title")).to_have_text("Tool call: get_weather")
        expect(arguments).to_be_visible()
        assert serious_violations(page) == []
        ask(page, "tool please")  # Without a thought it stands by itself.
        finish(page)
        alone = page.locator("#conversation .thought-group > .title", has_text="Tool call")
        expect(alone).to_have_count(2)
        alone.last.click()
        expect(page.get_by_text('"city": "Bern"')).to_have_count(2)
        assert visited.sideways_overflow_px() == 0
        assert visited.script_errors == []
