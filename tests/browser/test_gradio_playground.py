"""The Gradio UI's playground: real Chromium, the real service, engine and gateway.

What Stop does is judged on the engine's side (GET /engine/slots).
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from chat_client import SAMPLING_FIELDS
from tests.browser.gradio_page import STORY, opened, until
from tests.browser.pages import PHONE
from tests.browser.slots import slots
from tests.gradio_ui.upstream import SEES, upstream
from tests.running import Service, free_port, running, wait_until

pytestmark = pytest.mark.browser
PLAYGROUND = "/?place=playground"
ASK, STOP = "#prompt .submit-button", "#prompt .stop-button"
NAMES = "#panes .pane-head h2"
ANSWERS = "#panes .pane .answer.block"


@pytest.fixture(scope="module")
def env(kept: dict[str, str]) -> dict[str, str]:
    return kept


def ready(page: Page) -> None:
    expect(page.locator("#demos button").first).to_be_visible()
    expect(page.get_by_label("Model 1", exact=True)).not_to_have_value("")


def ask_all(page: Page, prompt: str) -> None:
    page.fill("#prompt textarea", prompt)
    page.press("#prompt textarea", "Enter")
    expect(page.locator(STOP)).to_be_visible()


def answers(page: Page) -> list[str]:
    return [text.strip() for text in page.locator(ANSWERS).all_inner_texts()]


def won(page: Page) -> dict[str, int]:
    """How many votes each one on the leaderboard has won."""
    rows = page.locator("#leaderboard tbody tr").all()
    return {
        row.locator("th").inner_text(): int(row.locator("td").nth(5).inner_text()) for row in rows
    }


def test_four_answer_at_once_and_one_stop_ends_them_all(
    browser: Browser, slow_gradio: Service, slow_engine: Service
) -> None:
    def active() -> int:
        return slots(slow_engine)["active"]

    with opened(browser, slow_gradio, path=PLAYGROUND) as visited:
        page = visited.page
        ready(page)
        page.get_by_label("4", exact=True).check()
        expect(page.get_by_label("Model 4", exact=True)).to_be_visible()
        cancelled = slots(slow_engine)["cancelled"]
        ask_all(page, STORY)
        until(page, lambda: active() == 4, "four answers at once")
        until(page, lambda: len(answers(page)) == 4 and all(answers(page)), "words from all")
        page.click(STOP)
        until(page, lambda: active() == 0, "every slot to be free")
        assert slots(slow_engine)["cancelled"] == cancelled + 4
        expect(page.locator(ASK)).to_be_visible()
        stopped = re.compile(r"^about .+ out · .*first token after .+ s · stopped$")
        expect(page.locator("#panes .pane-head small")).to_have_text([stopped] * 4)
        assert all(answers(page))
        ask_all(page, STORY)
        until(page, lambda: active() == 4, "four answers again")
        expect(page.locator("#panes .pane-head small").filter(has_text="stopped")).to_have_count(0)
        until(page, lambda: len(answers(page)) == 4, "the page to show the new ones")
        before = answers(page)
        page.reload()  # The round belongs to the service: the page finds it going on.
        until(page, lambda: len(answers(page)) == 4 and all(answers(page)), "the round again")
        assert all(new.startswith(old) for new, old in zip(answers(page), before, strict=True))
        assert active() == 4
        expect(page.locator("#prompt textarea")).to_have_value(STORY)
        page.keyboard.press("Escape")
        until(page, lambda: active() == 0, "every slot to be free again")
        ask_all(page, STORY)
        until(page, lambda: active() == 4, "four answers, as before the reload")
        page.close()
        wait_until(lambda: active() == 0, "a page that has gone to free its slots")


def test_who_is_asked_and_how_outlives_a_reload(browser: Browser, gradio: Service) -> None:
    with opened(browser, gradio, path=PLAYGROUND) as visited:
        page = visited.page
        ready(page)
        said = page.locator("#contestants")
        for field in SAMPLING_FIELDS:
            at_once = 2 if field.name in ("temperature", "seed") else 0
            expect(said.get_by_text(field.what).filter(visible=True)).to_have_count(at_once)
        page.get_by_role("button", name="More settings 1").click()
        for field in SAMPLING_FIELDS:
            expect(said.get_by_text(field.what).filter(visible=True).first).to_be_visible()
        page.get_by_label("Max tokens 1").fill("5")
        page.get_by_label("Reasoning effort 1").click()
        page.get_by_role("option", name="low").click()
        page.get_by_label("3", exact=True).check()
        model = page.get_by_label("Model 3", exact=True)
        before = model.input_value()
        model.click()
        page.get_by_role("option").filter(has_not_text=before).first.click()
        picked = model.input_value()
        assert picked != before
        page.get_by_label("Seed 2").fill("7")
        page.get_by_label("number input for Temperature 1").fill("0.2")
        page.get_by_label("number input for Temperature 1").press("Tab")
        page.get_by_label("Mark where the answers part").check()
        page.reload()
        ready(page)
        expect(page.get_by_label("3", exact=True)).to_be_checked()
        expect(model).to_have_value(picked)
        expect(page.get_by_label("Model 4", exact=True)).to_be_hidden()
        expect(page.get_by_label("Seed 2")).to_have_value("7")
        expect(page.get_by_label("number input for Temperature 1")).to_have_value("0.2")
        expect(page.get_by_label("Mark where the answers part")).to_be_checked()
        expect(page.get_by_label("Hide the names until the vote")).not_to_be_checked()
        expect(page.get_by_label("Max tokens 1")).to_be_hidden()
        page.get_by_role("button", name="More settings 1").click()
        expect(page.get_by_label("Max tokens 1")).to_have_value("5")
        expect(page.get_by_label("Reasoning effort 1")).to_have_value("low")
        page.get_by_label("2", exact=True).check()
        ask_all(page, STORY)
        expect(page.locator("#panes .pane-head small").first).to_contain_text(", 5 out")
        expect(page.locator(NAMES).first).to_contain_text("Max tokens 5")
        assert visited.script_errors == []


def test_names_stay_hidden_until_the_vote_and_the_vote_counts(
    browser: Browser, gradio: Service
) -> None:
    with opened(browser, gradio, path=PLAYGROUND) as visited:
        page = visited.page
        ready(page)
        page.get_by_role("button", name="Two models, names hidden").click()
        expect(page.locator(NAMES)).to_have_text(["Model A", "Model B"])
        expect(page.get_by_role("button", name="Both bad")).to_be_visible()
        said = answers(page)
        page.reload()  # The answers are back, the names still hidden, and the vote can be given.
        expect(page.get_by_role("button", name="Both bad")).to_be_visible()
        assert answers(page) == said
        expect(page.locator(NAMES)).to_have_text(["Model A", "Model B"])
        expect(page.locator("#panes")).not_to_contain_text("lectern-101")
        expect(page.locator("#panes")).not_to_contain_text("tokens/s")
        before = won(page)
        page.get_by_role("button", name="First is better").click()
        expect(page.locator("#ballot")).to_contain_text("the vote counts")
        expect(page.locator(NAMES).first).to_contain_text("lectern-101")
        expect(page.locator("#panes .pane-head small").first).to_contain_text("tokens/s")
        winner = page.locator(NAMES).first.inner_text()
        until(page, lambda: won(page).get(winner) == before.get(winner, 0) + 1, "the vote's row")
        expect(page.locator("#leaderboard")).to_contain_text("95 % interval")
        assert (visited.foreign, visited.script_errors) == ([], [])


def test_the_quantization_demo_sets_the_page_and_marks_where_answers_part_on_a_phone(
    browser: Browser, gradio: Service
) -> None:
    with opened(browser, gradio, PHONE, path=PLAYGROUND) as visited:
        page = visited.page
        ready(page)
        page.get_by_role("button", name="Temperature 0 against 1.5").click()
        expect(page.get_by_role("button", name="Both bad")).to_be_visible()
        assert page.get_by_label("Seed 1").input_value() == "42"
        page.get_by_role("button", name="More settings 2").tap()
        expect(page.get_by_label("JSON schema 2")).to_be_visible()
        assert visited.sideways_overflow_px() == 0
        page.get_by_role("button", name="More settings 2").tap()
        expect(page.locator(NAMES).last).to_contain_text("Temperature 1.5")
        page.get_by_label("Mark where the answers part").check()
        expect(page.locator("#panes .marked").first).to_be_visible()
        first, last = page.locator("#panes .marked span").all_inner_texts()
        assert first == last
        assert page.locator("#panes .marked mark").count() == 2
        boxes = [pane.bounding_box() for pane in page.locator("#panes .pane:visible").all()]
        assert boxes[0]
        assert boxes[1]
        assert boxes[1]["y"] >= boxes[0]["y"] + boxes[0]["height"]
        assert visited.sideways_overflow_px() == 0


def test_without_the_gateway_it_works_and_says_that_nothing_is_kept(
    browser: Browser, run_folder: Path, engine: Service
) -> None:
    nowhere = f"http://127.0.0.1:{free_port()}"
    env = {"LMSTUDIO_URL": engine.url, "GATEWAY_URL": nowhere}
    with (
        running("gradio_ui", run_folder, env) as service,
        opened(browser, service, path=PLAYGROUND) as visited,
    ):
        page = visited.page
        ready(page)
        expect(page.locator("#leaderboard")).to_contain_text("not kept")
        page.get_by_role("button", name="Two models, names hidden").click()
        page.get_by_role("button", name="Tie").click()
        expect(page.locator("#ballot")).to_contain_text("not kept")
        expect(page.locator(NAMES).first).to_contain_text("lectern-101")


def test_a_round_waits_its_turn_and_for_a_model_that_is_not_in_memory(
    browser: Browser, run_folder: Path
) -> None:
    with (
        upstream() as server,
        running(
            "gradio_ui", run_folder, {"LMSTUDIO_URL": server.url, "CHAT_CONCURRENCY": "2"}
        ) as service,
        opened(browser, service, path=PLAYGROUND) as ana,
        opened(browser, service, path=PLAYGROUND) as ben,
    ):
        ready(ana.page)
        ready(ben.page)
        ask_all(ana.page, "endless please")
        until(ana.page, lambda: all(answers(ana.page)) and answers(ana.page), "the first words")
        ask_all(ben.page, "one two")
        expect(ben.page.locator("#round-notice")).to_contain_text("Waiting in line")
        assert server.open == 2
        ana.page.click(STOP)
        expect(ben.page.locator("#panes")).to_contain_text("You asked: one two")
        expect(ben.page.locator("#round-notice")).to_be_hidden()
        expect(ana.page.locator(ASK)).to_be_visible()
        expect(ana.page.get_by_label("Model 2", exact=True)).to_have_value(re.compile(SEES))
        server.may_load.clear()
        ask_all(ana.page, "three four")
        heads = ana.page.locator("#panes .pane-head small")
        expect(heads.nth(1)).to_contain_text("Loading the model · 42%")
        expect(ana.page.locator(ANSWERS).first).to_have_text("You asked: three four")
        server.may_load.set()
        expect(ana.page.locator(ANSWERS).nth(1)).to_have_text("You asked: three four")
        expect(heads.nth(1)).to_contain_text("tokens/s")
