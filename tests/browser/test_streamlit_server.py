"""The Server page in a real browser: what runs where, its models, programs, the log, the wire."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, Page

from tests.browser.pages import PHONE, visit
from tests.browser.streamlit_page import ask, numbers, ready
from tests.running import ROOT, Service, free_port, running, wait_until

pytestmark = pytest.mark.browser


@dataclass
class House:
    """The page with an engine and a gateway of its own, and a teammate's key."""

    ui: Service
    engine: Service
    gateway: Service
    key: str
    ui_key: Path

    def ask_gateway(self, model: str) -> int:
        """A teammate's question; the status."""
        body = {"model": model, "messages": [{"role": "user", "content": "Hi"}], "max_tokens": 4}
        headers = {"Authorization": f"Bearer {self.key}"}
        path = f"{self.gateway.url}/v1/chat/completions"
        return httpx.post(path, headers=headers, json=body, timeout=60).status_code


@pytest.fixture(scope="module")
def house(
    tmp_path_factory: pytest.TempPathFactory, run_folder: Path, teaching_models: Path
) -> Iterator[House]:
    folder = tmp_path_factory.mktemp("server-page")
    data, ui_key = folder / "data", folder / "ui-key"
    shared = {"GATEWAY_UI_KEY_FILE": str(ui_key)}
    engine_env = {"ENGINE_TEACHING_DIR": str(teaching_models)}
    with running("engine", run_folder, engine_env) as engine:
        shared["LMSTUDIO_URL"] = engine.url
        with running("gateway", run_folder, {**shared, "GATEWAY_DATA_DIR": str(data)}) as gateway:
            shared["GATEWAY_URL"] = gateway.url
            with running("streamlit_ui", run_folder, shared) as ui:
                key = new_key(data, "ana")
                yield House(ui, engine, gateway, key, ui_key)


def new_key(data: Path, name: str, *more: str) -> str:
    command = [sys.executable, "-m", "gateway", "keys", "create", "--name", name, *more]
    env = {"PYTHONPATH": str(ROOT / "services"), "GATEWAY_DATA_DIR": str(data)}
    done = subprocess.run(command, env=env, cwd=ROOT, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def section(page: Page, name: str) -> None:
    page.get_by_role("radio", name=name).or_(
        page.get_by_test_id("stBaseButton-segmented_control").filter(has_text=name)
    ).first.click()


def test_the_page_shows_what_runs_and_what_went_over_the_wire(
    browser: Browser, house: House
) -> None:
    assert house.ask_gateway("lectern-101") == 200
    assert house.ask_gateway("[bait](http://x)|`no`") == 404
    with visit(browser, house.ui.url) as here:
        page = here.page
        ready(page)
        ask(page, "What is temperature?")
        numbers(page, 1)
        page.get_by_role("link", name="Server").first.click()
        page.get_by_text(f"{house.gateway.url}/v1", exact=True).wait_for()
        page.get_by_text(f"{house.engine.url}/v1", exact=True).wait_for()

        section(page, "Programs")
        code = page.get_by_test_id("stCode").filter(has_text="--no-buffer")
        code.wait_for()
        shown = code.inner_text()
        assert f"{house.gateway.url}/v1/chat/completions" in shown
        assert "What is temperature?" in shown  # the chat's own question
        assert "YOUR_KEY" in shown
        secret = house.ui_key.read_text().strip()
        assert secret not in here.text()
        page.get_by_text("Fill in the key").click()
        code.filter(has_text=secret).wait_for()
        done = subprocess.run(
            ["bash", "-c", code.inner_text()], capture_output=True, text=True, check=True
        )
        assert "data: [DONE]" in done.stdout  # it runs as it stands

        section(page, "Requests")
        table = page.get_by_role("table")
        table.wait_for()
        row = table.get_by_role("row").filter(has_text="404")
        assert "[bait](http://x)|`no`" in row.inner_text()  # drawn as it stands
        assert row.get_by_role("link").count() == 0
        assert "ana" in row.inner_text()
        rows = table.get_by_role("row").count()
        house.ask_gateway("lectern-101")
        wait_until(lambda: table.get_by_role("row").count() > rows, "the new request")

        section(page, "Last turn")
        sent = page.get_by_test_id("stCode").filter(has_text='"messages"')
        sent.wait_for()
        assert "What is temperature?" in sent.inner_text()
        came = page.get_by_test_id("stCode").filter(has_text="data: ")
        assert "[DONE]" in came.inner_text()
        assert here.foreign == []
        assert here.script_errors == []


def test_a_model_is_unloaded_and_loaded_again(browser: Browser, house: House) -> None:
    with visit(browser, house.ui.url + "/server", PHONE) as here:
        page = here.page
        row = page.locator('[class*="st-key-row-lectern-101"]')
        page.get_by_role("button", name="Unload").first.wait_for()
        loaded = page.get_by_role("button", name="Unload").count()
        name = "lectern-101@q4_0"
        mine = row.filter(has_text=name)
        mine.get_by_role("button", name="Unload").click()
        mine.get_by_role("button", name="Load", exact=True).wait_for()
        assert page.get_by_role("button", name="Unload").count() == loaded - 1
        mine.get_by_role("button", name="Load", exact=True).click()
        page.get_by_role("button", name=f"Load {name}").click()
        mine.get_by_role("button", name="Unload").wait_for()
        assert here.sideways_overflow_px() == 0
        assert here.script_errors == []


def test_what_the_key_may_not_do_is_greyed_out_with_the_reason(
    browser: Browser, house: House, run_folder: Path
) -> None:
    """Share mode: the page asks the gateway with a key that may chat and no more."""
    env = {
        "LLM_URL": house.gateway.url,
        "LLM_API_KEY": house.key,
        "GATEWAY_URL": house.gateway.url,
    }
    with running("streamlit_ui", run_folder, env) as ui, visit(browser, ui.url + "/server") as here:
        button = here.page.get_by_role("button", name="Unload").first
        button.wait_for()
        assert button.is_disabled()
        button.hover(force=True)
        here.page.get_by_text("its scopes lack models:manage").wait_for()
        assert here.page.get_by_text("for this machine").count() == 0  # one address: the gateway's
        section(here.page, "Programs")
        here.page.get_by_test_id("stCode").filter(has_text="YOUR_KEY").first.wait_for()
        assert house.key not in here.page.content()


def test_a_server_that_is_away_is_explained_and_the_page_goes_on(
    browser: Browser, run_folder: Path, tmp_path: Path
) -> None:
    engine_port, gateway_port = free_port(), free_port()
    env = {
        "LMSTUDIO_URL": f"http://127.0.0.1:{engine_port}",
        "GATEWAY_URL": f"http://127.0.0.1:{gateway_port}",
        "GATEWAY_UI_KEY_FILE": str(tmp_path / "none"),
    }
    with running("streamlit_ui", run_folder, env) as ui, visit(browser, ui.url + "/server") as here:
        here.page.get_by_text("No model server answers yet").wait_for()
        here.page.get_by_text("What to do:").wait_for()
        section(here.page, "Requests")
        here.page.get_by_text("There is no key for the gateway yet").last.wait_for()
        section(here.page, "Last turn")
        here.page.get_by_text("Nothing was sent from here yet").wait_for()
        assert "Traceback" not in here.text()
