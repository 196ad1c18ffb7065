"""The landing page in a real browser: links, the model server's state, nothing from elsewhere."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.fault_upstream import Exchange, fault_upstream
from tests.gateway.conftest import gateway_before
from tests.running import free_port

pytestmark = pytest.mark.browser
PORTS = {"STREAMLIT_PORT": "18501", "GRADIO_PORT": "17860"}


def greet(exchange: Exchange) -> None:
    exchange.answer(b'{"lmstudio":true}')


@pytest.mark.parametrize("size", [(1440, 900), (390, 844)])
def test_it_links_both_uis_and_says_that_lm_studio_answers(
    browser: Browser, folder: Path, size: tuple[int, int]
) -> None:
    with fault_upstream(greet) as upstream, gateway_before(upstream.url, folder, PORTS) as front:
        page = browser.new_page(viewport={"width": size[0], "height": size[1]})
        asked: list[str] = []
        complaints: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        page.on("console", lambda message: complaints.append(message.text))
        page.goto(front.service.url)
        expect(page.get_by_role("status")).to_have_text("LM Studio answers.")
        streamlit = page.get_by_role("link", name="Streamlit")
        expect(streamlit).to_have_attribute("href", "http://127.0.0.1:18501/")
        gradio = page.get_by_role("link", name="Gradio")
        expect(gradio).to_have_attribute("href", "http://127.0.0.1:17860/")
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        assert asked
        assert all(url.startswith(front.service.url) for url in asked)
        assert complaints == []
        page.close()


def test_it_says_that_no_model_server_answers(browser: Browser, folder: Path) -> None:
    with gateway_before(f"http://127.0.0.1:{free_port()}", folder) as front:
        page = browser.new_page()
        page.goto(front.service.url)
        expect(page.get_by_role("status")).to_contain_text("No model server answers.")
        expect(page.get_by_role("status")).to_contain_text("Serve on Local Network")
        page.close()
