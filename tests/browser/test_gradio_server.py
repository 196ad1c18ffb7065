"""The Gradio UI's Server page: real Chromium, the real service, engine and gateway."""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.gradio_page import STOP, STORY, answer, ask, finish, opened, until
from tests.browser.pages import PHONE
from tests.running import Service, free_port, running

pytestmark = pytest.mark.browser
ASKED = "What is a token?"


@pytest.fixture(scope="module")
def env(kept: dict[str, str]) -> dict[str, str]:
    return kept


def turn_to(page: Page, title: str) -> None:
    page.get_by_role("link", name=title, exact=True).click()


def test_the_server_page_tells_the_address_and_what_went_over_the_wire(
    browser: Browser, gradio: Service, engine: Service, gateway: Service
) -> None:
    with opened(browser, gradio) as visited:
        page = visited.page
        page.context.grant_permissions(["clipboard-read", "clipboard-write"])
        ask(page, ASKED)
        finish(page)
        turn_to(page, "Server")
        expect(page.locator("#server-state")).to_contain_text("Running")
        expect(page.locator("#server-state .address code")).to_have_text(f"{engine.url}/v1")
        expect(page.locator("#server-gateway .address code")).to_have_text(f"{gateway.url}/v1")
        expect(page.locator("#question")).to_be_hidden()
        request = page.locator("[data-fold=Request]")
        expect(request).to_contain_text(f'"content": "{ASKED}"')
        page.locator("[data-fold=Answer] summary").click()
        expect(page.locator("[data-fold=Answer]")).to_contain_text("data: [DONE]")
        page.get_by_role("tab", name="Python").click()
        expect(page.locator("#server-snippets pre:visible")).to_contain_text(
            f"base_url='{gateway.url}/v1', api_key='YOUR_KEY'"
        )
        page.get_by_label("The model server itself").check()
        expect(page.locator("#server-snippets pre:visible")).to_contain_text(engine.url)
        page.get_by_role("button", name="Copy Python").click()
        program = page.evaluate("navigator.clipboard.readText()")
        assert f"base_url='{engine.url}/v1'" in program
        done = subprocess.run(
            [sys.executable, "-c", program], capture_output=True, text=True, check=False, timeout=60
        )
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout.strip()
        assert (visited.foreign, visited.script_errors) == ([], [])


def test_back_and_reload_find_the_place_and_the_answer_goes_on_meanwhile(
    browser: Browser, slow_gradio: Service, slow_engine: Service
) -> None:
    assert slow_engine
    with opened(browser, slow_gradio) as visited:
        page = visited.page
        ask(page, STORY)
        words = until(page, lambda: answer(page), "the first words")
        turn_to(page, "Server")
        expect(page).to_have_title("Server · Lectern")
        expect(page.locator("#server-state")).to_be_visible()
        page.go_back()
        expect(page.locator("#question")).to_be_visible()
        expect(page).to_have_title("Lectern")
        until(page, lambda: len(answer(page)) > len(words), "more words")
        assert answer(page).startswith(words)
        page.click(STOP)
        finish(page)
        page.go_forward()
        page.reload()
        expect(page.locator("#server-state")).to_contain_text("Running")
        expect(page.get_by_role("link", name="Server")).to_have_attribute("aria-current", "page")


def test_models_are_unloaded_and_loaded_and_the_chat_knows(
    browser: Browser, run_folder: Path, teaching_models: Path
) -> None:
    with (
        running("engine", run_folder, {"ENGINE_TEACHING_DIR": str(teaching_models)}) as own,
        running("gradio_ui", run_folder, {"LMSTUDIO_URL": own.url}) as service,
        opened(browser, service, path="/?place=server") as visited,
    ):
        page = visited.page
        page.get_by_role("button", name="Unload lectern-101@q4_0").click()
        expect(page.get_by_role("button", name="Load lectern-101@q4_0", exact=True)).to_be_visible()
        assert loaded(own) == {"lectern-101@f16", "lectern-101@q8_0"}
        page.get_by_text("How to load").click()
        page.get_by_label("Keep it until I unload it").check()
        page.get_by_label("Context length").fill("256")
        page.get_by_role("button", name="Load lectern-101@q4_0", exact=True).click()
        expect(page.get_by_role("button", name="Unload lectern-101@q4_0")).to_be_enabled()
        expect(page.locator("#server-models li", has_text="q4_0")).to_contain_text("256 tokens")
        assert "lectern-101@q4_0" in loaded(own)


def loaded(engine: Service) -> set[str]:
    with urllib.request.urlopen(f"{engine.url}/api/v1/models", timeout=60) as response:  # noqa: S310
        models = json.load(response)["models"]
    return {str(each["id"]) for model in models for each in model["loaded_instances"]}


def test_through_the_gateway_a_key_without_the_scope_is_told_so(
    browser: Browser, run_folder: Path, gateway: Service, gateway_key: str
) -> None:
    env = {"LLM_URL": gateway.url, "LLM_API_KEY": gateway_key, "GATEWAY_URL": gateway.url}
    with (
        running("gradio_ui", run_folder, env) as service,
        opened(browser, service, PHONE, path="/?place=server") as visited,
    ):
        page = visited.page
        page.get_by_role("button", name="Unload lectern-101@q4_0").click()
        expect(page.locator("#server-models .trouble")).to_contain_text("models:manage")
        expect(page.locator("#server-snippets")).to_contain_text("YOUR_KEY")
        expect(page.get_by_label("The model server itself")).to_be_hidden()
        assert gateway_key not in page.content()
        turn_to(page, "Chat")
        ask(page, ASKED)
        finish(page)
        turn_to(page, "Server")
        row = page.locator("#server-log tbody tr").first
        expect(row).to_contain_text("/v1/chat/completions")
        expect(row).to_contain_text("tests")
        expect(page.locator("#server-wire")).to_contain_text(ASKED)
        assert gateway_key not in page.content()
        assert visited.sideways_overflow_px() == 0


def test_a_server_that_is_away_is_said_on_its_page(browser: Browser, run_folder: Path) -> None:
    nowhere = f"http://127.0.0.1:{free_port()}"
    with (
        running("gradio_ui", run_folder, {"LMSTUDIO_URL": nowhere}) as service,
        opened(browser, service, path="/?place=server") as visited,
    ):
        expect(visited.page.locator("#server-state")).to_contain_text("No model server answers")
        expect(visited.page.locator("#server-log")).to_contain_text("gateway")
        assert "Traceback" not in visited.text()
