"""What a Streamlit chat shows and takes besides plain words: formulas, tool calls, pasted files."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.pages import LAPTOP, PHONE, Visit, visit
from tests.browser.streamlit_page import answers, ask, numbers, ready
from tests.chat_client.upstream import (
    DONE,
    Hang,
    Upstream,
    chunk,
    spoken,
    usage,
)
from tests.running import Service, wait_until

pytestmark = pytest.mark.browser

CODE = "def double(x):\n    return 2 * x"
TABLE = "| a | b |\n|---|---|\n| 1 | 2 |"
RICH = f"So $x^2$:\n\n$$\\frac{{1}}{{2}}$$\n\n{TABLE}\n\n```python\n{CODE}\n```"
WEATHER = {
    "index": 0,
    "id": "call_1",
    "type": "function",
    "function": {"name": "get_weather", "arguments": '{"city": "Bern"}'},
}
PIXEL = (
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR4"
    "2mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
# What a browser hands over when a picture is pasted, or a file is dropped.
HAND_OVER = """
([name, kind, base64, event]) => {
  const bytes = Uint8Array.from(atob(base64), c => c.charCodeAt(0));
  const carrier = new DataTransfer();
  carrier.items.add(new File([bytes], name, {type: kind}));
  const made = event === "paste"
    ? new ClipboardEvent(event, {bubbles: true, clipboardData: carrier})
    : new DragEvent(event, {bubbles: true, cancelable: true, dataTransfer: carrier});
  document.querySelector('[data-testid="stChatInput"] textarea').dispatchEvent(made);
}
"""


@pytest.fixture(scope="module")
def env(scripted: dict[str, str]) -> dict[str, str]:
    return scripted


@pytest.fixture(params=[LAPTOP, PHONE], ids=["laptop", "phone"])
def opened(request: pytest.FixtureRequest, browser: Browser, streamlit: Service) -> Iterator[Visit]:
    with visit(browser, streamlit.url, request.param) as here:
        ready(here.page)
        here.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
        yield here
        assert here.sideways_overflow_px() == 0
        assert here.foreign == []
        assert here.script_errors == []


def test_formulas_tables_code_and_tool_calls_are_drawn(opened: Visit, server: Upstream) -> None:
    page, answer = opened.page, answers(opened.page).first
    server.script = lambda _: spoken(RICH)
    ask(page, "Show me")
    numbers(page, 1)
    expect(answer.locator(".katex")).to_have_count(2)
    expect(answer.get_by_role("cell", name="2")).to_be_visible()
    answer.get_by_test_id("stCode").hover()
    answer.get_by_test_id("stCodeCopyButton").or_(
        answer.get_by_test_id("stCode").get_by_role("button")
    ).first.click()
    assert page.evaluate("navigator.clipboard.readText()").rstrip() == CODE
    server.script = lambda _: [
        chunk(tool_calls=[WEATHER]),
        chunk(finish="tool_calls"),
        usage(9, 12),
        DONE,
    ]
    ask(page, "How is the weather?")
    call = answers(page).nth(1)
    call.get_by_text("Wants to call get_weather").click()
    expect(call.get_by_test_id("stCode")).to_contain_text('{"city": "Bern"}')
    expect(call).to_contain_text("ended with a tool call")
    expect(call.get_by_role("radio", name="Thumbs up")).to_be_visible()


def test_a_picture_is_pasted_and_a_text_dropped_and_a_blind_model_is_told(
    opened: Visit, server: Upstream
) -> None:
    page = opened.page
    server.script = lambda _: spoken("A cat.")
    page.evaluate(HAND_OVER, ["cat.png", "image/png", PIXEL, "paste"])
    page.get_by_text("cannot see pictures").wait_for()
    box = page.get_by_test_id("stChatInput").locator("textarea")
    wait_until(box.is_disabled, "the message box to be blocked")
    page.keyboard.press("Escape")
    side = page.get_by_test_id("stExpandSidebarButton")
    phone = side.is_visible()
    if phone:
        side.click()
    page.locator(".st-key-picker").get_by_role("button").first.click()
    page.locator('[class*="st-key-model-seer"]').get_by_role("button").click()
    page.locator(".st-key-picker").get_by_text("seer").wait_for()
    if phone:
        page.get_by_test_id("stSidebarCollapseButton").get_by_role("button").click()
        side.wait_for()
    ready(page)
    page.evaluate(HAND_OVER, ["notes.txt", "text/plain", "SGVsbG8sIHRva2Vucy4=", "drop"])
    page.get_by_text("notes.txt: about 16 tokens").wait_for()
    page.keyboard.press("Escape")
    ask(page, "What is this?")
    page.get_by_text("Attached: notes.txt").wait_for()
    numbers(page, 1)
    expect(page.locator('[class*="st-key-asked-"] img').first).to_be_visible()
    text, picture = server.requests[-1]["messages"][-1]["content"]
    assert "Hello, tokens." in text["text"]
    assert picture["image_url"]["url"].startswith("data:image/")


def test_stop_strings_and_the_stop_key_do_not_meet(
    browser: Browser, streamlit: Service, server: Upstream
) -> None:
    server.script = lambda _: [chunk("It begins"), Hang()]
    with visit(browser, f"{streamlit.url}/?mode=Developer") as here:
        page = here.page
        ready(page)
        page.get_by_role("tab", name="Settings").click()
        words = page.get_by_label("Stop strings", exact=True)
        words.fill("END")
        words.blur()
        ask(page, "Hello")
        page.get_by_text("It begins").wait_for()
        page.keyboard.press("Escape")
        wait_until(lambda: server.active == 0, "the upstream to close")
        page.get_by_text("stopped ·").wait_for()
        assert server.requests[-1]["stop"] == ["END"]
        assert words.input_value() == "END"
        assert "Traceback" not in here.text()
