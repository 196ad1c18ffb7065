"""The Gradio page as its tests use it: where things are, asking, waiting for an answer.

Owns the names of its parts in the browser; a test says what a person would notice.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.pages import LAPTOP, ColorScheme, Visit, visit
from tests.running import Service

STORY = "Tell me a story about a fox."
QUESTION = "#conversation .user-row"
ANSWER = (
    "#conversation .bot-row:not(:has(.thought-group, a[href*='r-m_'], a[href*='n-m_']))"
    " .message-content"
)
NOTE = "#conversation .bot-row .thought-group .title"
STOP = "#question .stop-button"
SEND = "#question .submit-button"
CHAT = "#shelf .chat"
SEEN = {"lectern-tour": "seen"}
T = TypeVar("T")


@contextmanager
def opened(
    browser: Browser,
    service: Service,
    size: tuple[int, int] = LAPTOP,
    color_scheme: ColorScheme = "light",
    path: str = "/",
    *,
    first: bool = False,
) -> Iterator[Visit]:
    """Opens the page and waits until it can be used; only on a `first` visit the tour is there."""
    stored = None if first else SEEN
    with visit(browser, service.url + path, size, color_scheme, stored=stored) as visited:
        if "place=" not in path:
            expect(visited.page.locator("#question textarea")).to_be_visible()
        expect(visited.page.locator("#status")).not_to_be_empty()
        yield visited


def until(page: Page, condition: Callable[[], T], what: str, timeout_s: float = 60.0) -> T:
    """Polls while the page goes on living, which a sleep of the test's thread would prevent."""
    deadline = time.monotonic() + timeout_s
    while not (value := condition()):
        if time.monotonic() > deadline:
            pytest.fail(f"waited {timeout_s:g} s in vain for: {what}")
        page.wait_for_timeout(20)
    return value


def ask(page: Page, question: str) -> None:
    """Sends the question and waits until the page shows it, and Stop in the place of Send."""
    asked = page.locator(QUESTION).count()
    page.fill("#question textarea", question)
    page.press("#question textarea", "Enter")
    expect(page.locator(QUESTION)).to_have_count(asked + 1)


def answer(page: Page) -> str:
    """The last answer's text, empty while there is none."""
    found = page.locator(ANSWER)
    return found.last.inner_text() if found.count() else ""


def finish(page: Page) -> None:
    """Waits until the answer under way has ended."""
    expect(page.locator(SEND)).to_be_visible()


def unseen_px(page: Page) -> int:
    """How much of the conversation lies below what can be seen."""
    script = "box => Math.round(box.scrollHeight - box.scrollTop - box.clientHeight)"
    below: int = page.locator("#conversation .bubble-wrap").evaluate(script)
    return below


def set_value(page: Page, name: str, value: str) -> None:
    """Types a value into one of the settings and leaves its field."""
    box = page.locator(f"#{name} :is(input:not([type=range]), textarea)")
    box.fill(value)
    box.press("Tab")


def show_settings(page: Page, mode: str = "User") -> None:
    """Opens the panel of settings in one of the three modes."""
    page.locator("#settings:not(.open) .toggle-button").click()
    page.get_by_label(mode, exact=True).check()
    expect(page.get_by_label("Model", exact=True)).to_be_in_viewport()
