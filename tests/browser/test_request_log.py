"""The live request log of both Server pages: what waits, runs or ended, and choosing among it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, expect

from tests.browser.accessibility import serious_violations
from tests.browser.pages import PHONE, visit
from tests.gateway.conftest import Front
from tests.gateway.test_requests import CHAT, SECRET, asking
from tests.gateway.test_requests_under_way import Slow, asked, slow_gateway
from tests.running import free_port, running

pytestmark = pytest.mark.browser


@dataclass
class Room:
    """A gateway with one slot before a model server that answers when a test says so."""

    front: Front
    slow: Slow
    bob: httpx.Client
    env: dict[str, str]

    def refused(self) -> None:
        """Somebody's mistake ends at once."""
        self.bob.post(CHAT, json={"model": 7, "messages": []})


@pytest.fixture
def room(tmp_path: Path) -> Iterator[Room]:
    with slow_gateway(tmp_path) as (front, slow), asking(front, "bob") as bob:
        env = {
            "LMSTUDIO_URL": f"http://127.0.0.1:{free_port()}",  # the log does not need one
            "GATEWAY_URL": front.service.url,
            "GATEWAY_KEY": front.new_key("page", "--scope", "requests:read"),
        }
        yield Room(front, slow, bob, env)


def test_in_gradio(browser: Browser, room: Room, run_folder: Path) -> None:
    with (
        running("gradio_ui", run_folder, room.env) as service,
        visit(browser, f"{service.url}/?place=server", PHONE, "dark") as visited,
    ):
        page = visited.page
        rows = page.locator("#server-log tbody tr")
        first = asked(room.front.client, "slow-model")
        expect(rows.filter(has_text="tests")).to_contain_text("starting")
        second = asked(room.bob, "slow-model")
        expect(rows.filter(has_text="bob")).to_contain_text("in line, place 1")
        room.slow.begin.set()
        expect(rows.filter(has_text="tests")).to_contain_text("answering")
        expect(rows.filter(has_text="tests")).to_contain_text("3 out")
        expect(rows.filter(has_text="tests")).to_contain_text("so far")
        assert serious_violations(page) == []
        room.slow.end.set()
        first.join(60)
        second.join(60)
        expect(rows.filter(has_text="200")).to_have_count(2)
        room.refused()
        expect(rows).to_have_count(3)
        page.get_by_label("Failed", exact=True).check()
        expect(rows).to_have_count(1)
        expect(rows).to_contain_text("400")
        page.get_by_label("All", exact=True).check()
        expect(rows).to_have_count(3)
        page.get_by_label("Model", exact=True).last.click()
        page.get_by_role("option", name="slow-model").click()
        expect(rows).to_have_count(2)
        page.get_by_label("Failed", exact=True).check()
        expect(page.locator("#server-log")).to_contain_text("No request is like that")
        assert SECRET not in page.content()
        assert "lk-" not in page.content()
        assert visited.sideways_overflow_px() == 0
        assert (visited.foreign, visited.script_errors) == ([], [])


def test_in_streamlit(browser: Browser, room: Room, run_folder: Path) -> None:
    with (
        running("streamlit_ui", run_folder, room.env) as service,
        visit(browser, f"{service.url}/server", PHONE) as visited,
    ):
        page = visited.page
        page.get_by_role("radio", name="Requests").click()
        rows = page.get_by_role("table").get_by_role("row")
        first = asked(room.front.client, "slow-model")
        expect(rows.filter(has_text="tests")).to_contain_text("starting")
        second = asked(room.bob, "slow-model")
        expect(rows.filter(has_text="bob")).to_contain_text("in line, place 1")
        room.slow.begin.set()
        expect(rows.filter(has_text="tests")).to_contain_text("answering")
        expect(rows.filter(has_text="tests")).to_contain_text("→ 3")
        room.slow.end.set()
        first.join(60)
        second.join(60)
        expect(rows.filter(has_text="200 ok")).to_have_count(2)
        room.refused()
        expect(rows).to_have_count(4)  # and the head
        page.get_by_role("radio", name="Failed").click()
        expect(rows).to_have_count(2)
        expect(rows.last).to_contain_text("400")
        page.get_by_role("radio", name="All").click()
        expect(rows).to_have_count(4)
        page.get_by_role("combobox", name="Model").click()
        option = page.get_by_role("option", name="slow-model")
        expect(option).to_be_visible()
        room.refused()
        # By their tags: an open list hides everything else from a screen reader.
        expect(page.locator("table tr")).to_have_count(5)
        option.click()  # the list stays open while the log goes on
        expect(rows).to_have_count(3)
        page.get_by_role("radio", name="Failed").click()
        expect(page.get_by_text("No request is like that")).to_be_visible()
        assert SECRET not in page.content()
        assert visited.sideways_overflow_px() == 0
        assert (visited.foreign, visited.script_errors) == ([], [])
