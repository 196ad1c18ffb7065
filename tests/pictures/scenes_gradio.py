"""The Gradio UI's pictures: the gestures that lead to each.

Owns no picture's file; see `__main__`.
"""

from __future__ import annotations

from playwright.sync_api import Page, expect

from tests.browser.gradio_page import QUESTION, SEEN, ask, finish, show_settings
from tests.pictures.scene import Scene


def welcome(page: Page) -> None:
    expect(page.locator("#question textarea")).to_be_visible()
    expect(page.locator("#status")).not_to_be_empty()


def tour(page: Page) -> None:
    """The third step, both of its answers there."""
    expect(page.locator("#tour")).to_be_visible()
    welcome(page)
    for _ in range(2):
        page.get_by_role("button", name="Next", exact=True).click()
    for label in ("Ask at 0", "Ask at 1.5"):
        asked = page.locator(QUESTION).count()
        page.get_by_role("button", name=label, exact=True).click()
        expect(page.locator(QUESTION)).to_have_count(asked + 1)
        finish(page)


def chat(page: Page) -> None:
    welcome(page)
    ask(page, "What is a token?")
    finish(page)
    ask(page, "What does temperature do?")
    finish(page)


def developer(page: Page) -> None:
    chat(page)
    show_settings(page, "Developer")


def playground(page: Page) -> None:
    expect(page.locator("#demos button").first).to_be_visible()
    expect(page.get_by_label("Model 1", exact=True)).not_to_have_value("")
    expect(page.locator("#status")).not_to_be_empty()
    page.locator("#demos button").first.click()  # asks by itself
    expect(page.locator("#prompt .stop-button")).to_be_visible()
    expect(page.locator("#prompt .submit-button")).to_be_visible(timeout=60_000)


def server(page: Page) -> None:
    chat(page)
    page.get_by_role("link", name="Server", exact=True).click()
    expect(page.locator("#server-state")).to_contain_text("Running")


def away(page: Page) -> None:
    expect(page.locator("#state")).to_contain_text("No model server answers")


GRADIO = (
    Scene("gradio-tour", lambda at: f"{at.gradio.url}/", tour),
    Scene("gradio-welcome", lambda at: f"{at.gradio.url}/", welcome, stored=SEEN),
    Scene("gradio-chat", lambda at: f"{at.gradio.url}/", chat, stored=SEEN),
    Scene("gradio-developer", lambda at: f"{at.gradio.url}/", developer, stored=SEEN),
    Scene("gradio-playground", lambda at: f"{at.gradio.url}/?place=playground", playground),
    Scene("gradio-server", lambda at: f"{at.gradio.url}/", server, stored=SEEN),
    Scene("gradio-away", lambda at: f"{at.gradio_alone.url}/", away, stored=SEEN),
    Scene("gradio-phone", lambda at: f"{at.gradio.url}/", chat, phone=True, stored=SEEN),
)
