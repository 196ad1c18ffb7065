"""The Streamlit UI's pictures: the gestures that lead to each.

Owns no picture's file; see `__main__`.
"""

from __future__ import annotations

from playwright.sync_api import Page, expect

from tests.browser.streamlit_page import ask, numbers, ready
from tests.pictures.scene import Scene

COMPARISON = "/playground?temperature_1=0&temperature_2=1.5&seed_1=7&seed_2=7"


def welcome(page: Page) -> None:
    ready(page)
    page.get_by_text("What would you like to know?").wait_for()


def chat(page: Page) -> None:
    ready(page)
    ask(page, "What is a token?")
    numbers(page, 1)
    ready(page)
    ask(page, "What does temperature do?")
    numbers(page, 2)
    expect(page.get_by_role("button", name="What is a token?").first).to_be_attached()


def developer(page: Page) -> None:
    chat(page)
    page.get_by_role("tab", name="Settings").click()
    page.get_by_text("Temperature").first.wait_for()


def playground(page: Page) -> None:
    ready(page)
    ask(page, "Tell me a story about a fox.")
    numbers(page, 2)
    page.get_by_text("Which answer is better?").wait_for()  # drawn by the run after the answers
    expect(page.locator("[data-stale=true]")).to_have_count(0)


def server(page: Page) -> None:
    chat(page)
    page.get_by_role("link", name="Server").click()
    page.get_by_role("heading", name="Server").first.wait_for()
    page.get_by_text("lectern-101@f16").first.wait_for()


def talk(page: Page) -> None:
    page.get_by_role("heading", name="Tokens", exact=True).wait_for()
    page.locator(".st-key-stage-keys button").nth(1).wait_for(state="attached")
    page.locator("body").press("PageDown")
    numbers(page, 1)


def away(page: Page) -> None:
    expect(page.get_by_text("No model server answers")).to_be_visible()


STREAMLIT = (
    Scene("streamlit-welcome", lambda at: f"{at.streamlit.url}/", welcome),
    Scene("streamlit-chat", lambda at: f"{at.streamlit.url}/", chat),
    Scene("streamlit-developer", lambda at: f"{at.streamlit.url}/?mode=Developer", developer),
    Scene("streamlit-playground", lambda at: f"{at.streamlit.url}{COMPARISON}", playground),
    Scene("streamlit-server", lambda at: f"{at.streamlit.url}/", server),
    Scene("streamlit-talk", lambda at: f"{at.streamlit.url}/present?step=2", talk),
    Scene("streamlit-away", lambda at: f"{at.streamlit_alone.url}/", away),
    Scene("streamlit-phone", lambda at: f"{at.streamlit.url}/", chat, phone=True),
)
