"""Files along with a question on the Gradio page, in real Chromium: chosen, pasted, dropped.

What reaches the model is judged on the side of a model server of the tests' own.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, FilePayload, Page, expect

from tests.browser.gradio_page import QUESTION, ask, finish, opened, show_settings
from tests.browser.pages import PHONE
from tests.gradio_ui.upstream import SEES, Upstream, upstream
from tests.running import Service

pytestmark = pytest.mark.browser

DOT = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJg"
    "gg=="
)
CHIPS = "#tray .chips li"
# A file as the clipboard or a drag of another window brings it.
BRING = """([kind, where, name, type, text]) => {
  const data = new DataTransfer();
  data.items.add(new File([text], name, {type}));
  const event = kind === "paste"
    ? new ClipboardEvent("paste", {clipboardData: data, bubbles: true, cancelable: true})
    : new DragEvent("drop", {dataTransfer: data, bubbles: true, cancelable: true});
  document.querySelector(where).dispatchEvent(event);
}"""


@pytest.fixture(scope="module")
def model() -> Iterator[Upstream]:
    with upstream() as server:
        yield server


@pytest.fixture(scope="module")
def env(model: Upstream) -> dict[str, str]:
    return {"LMSTUDIO_URL": model.url}


def attach(page: Page, *files: FilePayload) -> None:
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="Attach").click()
    chooser.value.set_files(list(files))


def payload(name: str, data: bytes) -> FilePayload:
    return {"name": name, "mimeType": "application/octet-stream", "buffer": data}


def test_texts_go_along_with_their_cost_shown_before(
    browser: Browser, gradio: Service, model: Upstream
) -> None:
    with opened(browser, gradio) as visited:
        page = visited.page
        attach(page, payload("plan.txt", b"The fox is called Ferdinand. " * 20))
        expect(page.locator(CHIPS)).to_contain_text("plan.txt")
        expect(page.locator(CHIPS)).to_contain_text("tokens")
        page.evaluate(BRING, ["paste", "#question textarea", "pasted.py", "text/plain", "x = 1"])
        expect(page.locator(CHIPS)).to_have_count(2)
        page.evaluate(BRING, ["drop", "#conversation", "dropped.md", "text/plain", "# Title"])
        expect(page.locator(CHIPS)).to_have_count(3)
        page.get_by_role("button", name="Remove pasted.py").click()
        expect(page.locator(CHIPS)).to_have_count(2)
        ask(page, "Who is the fox?")
        finish(page)
        expect(page.locator(CHIPS)).to_have_count(0)
        sent = model.bodies[-1]["messages"][-1]["content"]
        assert "Ferdinand" in sent
        assert "# Title" in sent
        assert "x = 1" not in sent
        assert sent.endswith("Who is the fox?")
        shown = page.locator("#conversation .thought-group .title", has_text="plan.txt")
        shown.click()
        expect(page.locator("#conversation")).to_contain_text("The fox is called Ferdinand.")
        assert visited.foreign == []
        assert visited.script_errors == []


def test_what_cannot_be_read_is_said_and_the_rest_stays(browser: Browser, gradio: Service) -> None:
    with opened(browser, gradio, PHONE) as visited:
        page = visited.page
        attach(page, payload("ok.txt", b"fine"), payload("game.exe", b"\0\1\2" * 100))
        expect(page.get_by_role("alert")).to_contain_text("game.exe cannot be read as text")
        expect(page.locator(CHIPS)).to_have_count(1)
        page.press("#question textarea", "Enter")
        expect(page.get_by_role("alert")).to_contain_text("Write a question about it as well")
        assert visited.sideways_overflow_px() == 0


def test_a_picture_waits_for_a_model_that_sees(
    browser: Browser, gradio: Service, model: Upstream
) -> None:
    with opened(browser, gradio) as visited:
        page = visited.page
        asked = len(model.bodies)
        attach(page, payload("dot.png", DOT))
        expect(page.get_by_role("alert")).to_contain_text("Tiny Test cannot see pictures")
        page.fill("#question textarea", "What is it?")
        page.press("#question textarea", "Enter")
        expect(page.locator("#question textarea")).to_have_value("What is it?")
        assert len(model.bodies) == asked
        show_settings(page)
        page.get_by_label("Model", exact=True).click()
        page.get_by_role("option").filter(has_text=SEES).click()
        expect(page.get_by_role("alert")).to_have_count(0)
        page.press("#question textarea", "Enter")
        expect(page.locator(QUESTION)).to_have_count(1)
        finish(page)
        parts = model.bodies[-1]["messages"][-1]["content"]
        assert parts[1]["image_url"]["url"].startswith("data:image/png;base64,")
        picture = page.locator("#conversation img[alt='dot.png']")
        expect(picture).to_be_visible()
        assert picture.evaluate("image => image.naturalWidth") == 1
