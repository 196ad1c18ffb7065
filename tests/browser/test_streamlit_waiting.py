"""What a person sees in the Streamlit chat before the first token: a place in line, a load."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.pages import PHONE, visit
from tests.browser.streamlit_page import LONG_STORY, ask, begun, numbers, ready
from tests.chat_client.upstream import Hang, Part, event, native_model, spoken, upstream
from tests.running import Service, running, wait_until

pytestmark = pytest.mark.browser


def test_two_chat_at_once_and_one_too_many_sees_the_place_in_line(
    browser: Browser, run_folder: Path, slow_engine: Service
) -> None:
    env = {"LMSTUDIO_URL": slow_engine.url, "CHAT_CONCURRENCY": "2"}
    with (
        running("streamlit_ui", run_folder, env) as ui,
        visit(browser, ui.url) as ana,
        visit(browser, ui.url) as ben,
        visit(browser, ui.url, PHONE) as eva,
    ):
        for one in (ana, ben, eva):
            ready(one.page)
        ask(ana.page, LONG_STORY)
        ask(ben.page, LONG_STORY)
        begun(ana.page, 1)
        begun(ben.page, 1)
        ask(eva.page, "What is a token?")
        eva.page.get_by_text("Waiting in line: 1st · your turn comes by itself").wait_for()
        ana.page.get_by_role("button", name="Stop").first.click()
        wait_until(lambda: "in line" not in eva.text(), "the turn of the one who waited")
        begun(eva.page, 1)
        assert eva.sideways_overflow_px() == 0


def test_a_model_that_is_not_in_memory_shows_its_load_and_stop_ends_it(
    browser: Browser, run_folder: Path
) -> None:
    with upstream() as server:
        asleep = native_model("big", loaded_instances=[])
        server.routes["/api/v1/models"] = (200, {"models": [asleep]})

        def script(body: dict[str, Any]) -> list[Part]:
            if "input" not in body:
                return spoken("It is awake.")
            share = event({"type": "model_load.progress", "progress": 0.42})
            return [share, Hang()] if len(server.requests) == 1 else [share]

        server.script = script
        with (
            running("streamlit_ui", run_folder, {"LMSTUDIO_URL": server.url}) as ui,
            visit(browser, ui.url) as here,
        ):
            page = here.page
            ready(page)
            ask(page, "Are you awake?")
            page.get_by_text("Loading the model · 42%").wait_for()
            page.get_by_role("button", name="Stop").first.click()
            page.get_by_text("stopped before the first token").wait_for()
            wait_until(lambda: server.active == 0, "the load to be let go")
            ask(page, "And now?")
            page.get_by_text("It is awake.").wait_for()
            numbers(page, 1)
            asked = ["input" in body for body in server.requests]
            assert asked == [True, True, False]


def test_the_playground_and_the_stage_show_a_load_too(browser: Browser, run_folder: Path) -> None:
    with upstream() as server:
        asleep = native_model("big", loaded_instances=[])
        server.routes["/api/v1/models"] = (200, {"models": [asleep]})
        share = event({"type": "model_load.progress", "progress": 0.42})
        server.script = lambda body: [share, Hang()] if "input" in body else spoken("Too soon.")
        with (
            running("streamlit_ui", run_folder, {"LMSTUDIO_URL": server.url}) as ui,
            visit(browser, f"{ui.url}/playground", PHONE) as here,
        ):
            for address, box, panes in (
                ("playground", "Ask all of them", 2),
                ("present", "Ask what the room asks", 1),
            ):
                here.page.goto(f"{ui.url}/{address}")
                here.page.get_by_placeholder(box).fill("Are you awake?")
                here.page.get_by_placeholder(box).press("Enter")
                loading = here.page.get_by_text("Loading the model · 42%")
                expect(loading).to_have_count(panes)
                here.page.get_by_role("button", name="Stop").first.click()
                wait_until(lambda: server.active == 0, "the load to be let go")
            assert not any("messages" in body for body in server.requests)
