"""The Streamlit page under axe-core: no serious violation, whatever stands on it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page

from tests.browser.accessibility import serious_violations
from tests.browser.pages import LAPTOP, PHONE, ColorScheme, visit
from tests.browser.streamlit_page import ask, ready
from tests.chat_client.upstream import Hang, Part, Upstream, chunk, native_model, spoken, upstream
from tests.running import Service, wait_until

pytestmark = pytest.mark.browser

CODE = """Look at **this** and at $x^2$:

```python
# A comment
@cache
def half(n: int = 1) -> str:
    return f"{n / 2}" if n else None
```

```diff
- old
+ new
  same
```

| a | b |
|---|---|
| 1 | [two](#two) |
"""


def script(request: dict[str, object]) -> list[Part]:
    if "Wait" in str(request["messages"]):
        return [Hang()]
    return [chunk(reasoning_content="Let me see."), *spoken(CODE)]


@pytest.fixture(scope="module")
def server() -> Iterator[Upstream]:
    with upstream() as running_server:
        able = {"vision": True, "trained_for_tool_use": True, "reasoning": {"allowed_options": []}}
        both = {"models": [native_model(), native_model("able", capabilities=able)]}
        running_server.routes["/api/v1/models"] = (200, both)
        running_server.script = script
        yield running_server


@pytest.fixture(scope="module")
def env(server: Upstream) -> dict[str, str]:
    return {"LMSTUDIO_URL": server.url}


def passes(page: Page, where: str) -> None:
    """Polls: while a part fades in or out, its colours are those of no design."""
    found: list[str] = []

    def none() -> bool:
        found[:] = serious_violations(page)
        return not found

    try:
        wait_until(none, where)
    except pytest.fail.Exception:
        pytest.fail(f"{where}:\n" + "\n".join(found), pytrace=False)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nobody_is_kept_out(browser: Browser, streamlit: Service, scheme: ColorScheme) -> None:
    with visit(browser, f"{streamlit.url}/?mode=Developer", LAPTOP, scheme) as here:
        page = here.page
        ready(page)
        passes(page, "the welcome")
        ask(page, "Show me code.")
        page.get_by_text("first token after").wait_for()
        page.locator("[data-testid=stChatMessage] code .token").first.wait_for()
        passes(page, "an answer")
        page.get_by_role("tab", name="Settings").click()
        passes(page, "the settings")
        page.locator(".st-key-picker").get_by_role("button").click()
        page.get_by_text("Loaded", exact=True).wait_for()
        passes(page, "the model picker")
        page.keyboard.press("Escape")
        page.locator(".st-key-help").get_by_role("button").click()
        page.get_by_role("dialog").wait_for()
        passes(page, "the help")
        page.keyboard.press("Escape")
        ask(page, "Wait for me.")
        page.get_by_text("Waiting for the first token").wait_for()
        passes(page, "an answer that is waited for")


def test_nobody_is_kept_out_on_a_phone(browser: Browser, streamlit: Service) -> None:
    with visit(browser, streamlit.url, PHONE) as here:
        ready(here.page)
        ask(here.page, "Show me code.")
        here.page.get_by_text("first token after").wait_for()
        passes(here.page, "an answer")
        assert here.sideways_overflow_px() == 0


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_other_pages_keep_nobody_out_either(
    browser: Browser, streamlit: Service, scheme: ColorScheme
) -> None:
    shown = {"playground": "Hide the names", "server": "Requests", "present": "Steps"}
    for path, last in shown.items():
        with visit(browser, f"{streamlit.url}/{path}", LAPTOP, scheme) as here:
            here.page.get_by_text(last).first.wait_for()
            passes(here.page, path)
