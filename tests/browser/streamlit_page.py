"""The Streamlit page as the browser tests handle it: asking, waiting for words.

Owns: the few gestures that every test needs. What must be seen afterwards is each test's own.
"""

from __future__ import annotations

from playwright.sync_api import Locator, Page

from tests.running import wait_until

LONG_STORY = "Tell me a story about a fox."


def ready(page: Page) -> None:
    """Waits until a question can be typed."""
    page.locator('[data-testid="stChatInput"] textarea:not([disabled])').wait_for()


def ask(page: Page, question: str) -> None:
    box = page.get_by_test_id("stChatInput").locator("textarea")
    box.fill(question)
    box.press("Enter")


def answers(page: Page) -> Locator:
    """The model's messages (the person's stand in containers of their own)."""
    return page.locator('[data-testid="stChatMessage"]').locator(
        "xpath=self::*[not(ancestor::*[contains(@class, 'st-key-asked-')])]"
    )


def begun(page: Page, count: int) -> str:
    """Waits until the answer of that number shows words of the model, and returns them."""

    def words() -> str:
        if answers(page).count() < count:
            return ""
        texts = answers(page).nth(count - 1).get_by_test_id("stMarkdown").all_inner_texts()
        found = next((text.strip() for text in texts if text.strip()), "")
        return "" if found.startswith("Waiting for") else found

    return str(wait_until(words, "the first words of the answer"))


def numbers(page: Page, count: int) -> None:
    """Waits until `count` answers have come to their end."""
    wait_until(lambda: page.get_by_text("first token after").count() == count, "its numbers")
