"""The Gradio UI as a person meets it: real Chromium, the real service, the real engine.

What Stop, a reload and a closed tab do is judged on the engine's side (GET /engine/slots).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from tests.browser.gradio_page import (
    ANSWER,
    NOTE,
    QUESTION,
    SEEN,
    SEND,
    STOP,
    STORY,
    answer,
    ask,
    finish,
    opened,
    set_value,
    show_settings,
    until,
)
from tests.browser.pages import PHONE, Visit, visit
from tests.browser.slots import slots
from tests.gradio_ui.upstream import upstream
from tests.running import Service, free_port, running

pytestmark = pytest.mark.browser

STOPPED = re.compile(
    r"Stopped after .* · about [\d,]+ tokens out · [\d.,]+ tokens/s "
    r"· first token after [\d.]+ s · \S"
)

# The page has read some pictures of the story before it is told that its question was taken.
TAKEN_LATE = """
const real = window.fetch, read = new TextDecoder();
let told = "", enough;
const pictures = new Promise((done) => { enough = done; });
window.fetch = async (...request) => {
  const response = await real(...request);
  if (response.url.includes("/queue/data")) {
    const noted = new TransformStream({
      transform(chunk, on) {
        told += read.decode(chunk, { stream: true });
        if (told.split("process_generating").length > 5) enough();
        on.enqueue(chunk);
      },
    });
    return new Response(response.body.pipeThrough(noted), response);
  }
  if (response.url.includes("/queue/join") && request[1].body.includes("story")) await pictures;
  return response;
};
"""


@pytest.fixture
def chat(browser: Browser, gradio: Service) -> Iterator[Visit]:
    """A fresh page whose model list has arrived."""
    with opened(browser, gradio) as visited:
        yield visited


@pytest.fixture
def slow(browser: Browser, slow_gradio: Service, slow_engine: Service) -> Iterator[Visit]:
    """The page with all the time in the world."""
    assert slow_engine
    with opened(browser, slow_gradio) as visited:
        yield visited


def test_the_numbers_open_to_what_they_mean(chat: Visit) -> None:
    page = chat.page
    ask(page, "What is a token?")
    finish(page)
    assert answer(page)
    expect(page.locator(NOTE).last).to_contain_text("tokens/s · first token after")
    expect(page.get_by_text("Why it ended:")).to_have_count(0)
    page.locator(NOTE).last.click()
    expect(page.get_by_text("Why it ended:")).to_be_visible()
    expect(page.get_by_text("Time to first token:")).to_be_visible()


def test_a_question_is_echoed_its_answer_streams_and_stop_keeps_what_came(
    slow: Visit, slow_engine: Service
) -> None:
    page = slow.page
    cancelled = slots(slow_engine)["cancelled"]
    ask(page, STORY)
    expect(page.locator(QUESTION)).to_contain_text(STORY)
    expect(page.locator("#question textarea")).to_have_value("")
    first = until(page, lambda: answer(page), "the first words")
    until(page, lambda: len(answer(page)) > len(first), "more words")
    assert slots(slow_engine)["active"] == 1
    page.click(STOP)
    until(page, lambda: slots(slow_engine)["active"] == 0, "the slot to be free")
    assert slots(slow_engine)["cancelled"] == cancelled + 1
    expect(page.locator(NOTE).last).to_contain_text(STOPPED)
    assert answer(page).startswith(first)
    asks_again(page)


def asks_again(page: Page) -> None:
    """The page works: another question is answered."""
    answers = page.locator(ANSWER).count()
    ask(page, "What is a token?")
    until(page, lambda: page.locator(ANSWER).count() > answers and answer(page), "its answer")
    page.click(STOP)
    finish(page)


def test_a_suggestion_is_one_click_and_retry_asks_again(chat: Visit) -> None:
    page = chat.page
    page.get_by_text("What is quantization?").click()
    expect(page.locator(QUESTION)).to_have_text(["What is quantization?"])
    finish(page)
    page.get_by_role("button", name="Retry").click()
    expect(page.get_by_text("2/2")).to_be_visible()
    finish(page)
    expect(page.locator(QUESTION)).to_have_count(1)
    expect(page.locator(ANSWER)).to_have_count(1)


def test_a_new_chat_stops_the_answer_and_empties_the_page(
    slow: Visit, slow_engine: Service
) -> None:
    page = slow.page
    ask(page, STORY)
    until(page, lambda: answer(page), "the first words")
    page.get_by_role("button", name="New chat").click()
    expect(page.get_by_text("Ask the model")).to_be_visible()
    until(page, lambda: slots(slow_engine)["active"] == 0, "the slot to be free")
    expect(page.locator(SEND)).to_be_visible()
    expect(page.locator("#conversation .message-row")).to_have_count(0)


def test_a_reload_frees_the_slot_and_leaves_a_working_page(
    slow: Visit, slow_engine: Service
) -> None:
    page = slow.page
    cancelled = slots(slow_engine)["cancelled"]
    ask(page, STORY)
    until(page, lambda: answer(page), "the first words")
    page.reload()
    until(page, lambda: slots(slow_engine)["active"] == 0, "the slot to be free")
    assert slots(slow_engine)["cancelled"] == cancelled + 1
    expect(page.locator("#question textarea")).to_be_visible()
    asks_again(page)


def test_a_question_asked_while_the_page_still_loads_can_be_stopped(
    browser: Browser, slow_gradio: Service, slow_engine: Service
) -> None:
    """What the page is told first, and what of the answer, arrive together."""
    held: list[Route] = []
    with visit(browser, f"{slow_gradio.url}/healthz", stored=SEEN) as visited:
        page = visited.page
        page.add_init_script(TAKEN_LATE)
        page.route("**/queue/data?**", lambda route: held.append(route), times=1)
        page.goto(slow_gradio.url)
        page.fill("#question textarea", STORY)
        page.press("#question textarea", "Enter")
        until(page, lambda: held and slots(slow_engine)["active"] == 1, "the model to be asked")
        held[0].continue_()
        first = until(page, lambda: answer(page), "the first words")
        until(page, lambda: len(answer(page)) > len(first), "more words")
        page.click(STOP, timeout=5000)
        until(page, lambda: slots(slow_engine)["active"] == 0, "the slot to be free")


def test_two_people_chat_at_once(
    browser: Browser, slow_gradio: Service, slow_engine: Service
) -> None:
    with opened(browser, slow_gradio) as ana, opened(browser, slow_gradio) as ben:
        ask(ana.page, STORY)
        ask(ben.page, STORY)
        until(ben.page, lambda: slots(slow_engine)["active"] == 2, "two answers at once")
        until(ben.page, lambda: answer(ben.page) and answer(ana.page), "words for both")
        ana.page.click(STOP)
        ben.page.click(STOP)


def test_one_person_too_many_sees_the_place_in_line(browser: Browser, run_folder: Path) -> None:
    with (
        upstream() as server,
        running(
            "gradio_ui", run_folder, {"LMSTUDIO_URL": server.url, "CHAT_CONCURRENCY": "1"}
        ) as service,
        opened(browser, service) as ana,
        opened(browser, service) as ben,
    ):
        ask(ana.page, "endless please")
        until(ana.page, lambda: answer(ana.page), "the first words")
        ask(ben.page, "one two")
        expect(ben.page.locator(NOTE).last).to_contain_text("Waiting in line: 1st")
        expect(ben.page.locator(QUESTION)).to_contain_text("one two")
        ana.page.click(STOP)
        until(ben.page, lambda: answer(ben.page), "the turn of the one who waited")
        finish(ben.page)


def test_the_picker_shows_what_is_loaded_and_the_pick_answers(chat: Visit) -> None:
    page = chat.page
    expect(page.locator("#facts")).to_contain_text("Loaded")
    show_settings(page)
    page.get_by_label("Model", exact=True).click()
    options = page.get_by_role("option")
    expect(options.filter(has_text="lectern-101@q4_0")).to_contain_text("Q4_0")
    options.filter(has_text="lectern-101@q4_0").click()
    expect(page.locator("#facts")).to_contain_text("Q4_0")
    ask(page, "What is a token?")
    finish(page)
    page.locator(NOTE).last.click()
    expect(page.get_by_text("Model: lectern-101@q4_0")).to_be_visible()


def test_a_limit_on_tokens_holds(chat: Visit) -> None:
    page = chat.page
    show_settings(page, "Power user")
    set_value(page, "temperature", "0")
    set_value(page, "max_tokens", "5")
    ask(page, STORY)
    finish(page)
    expect(page.locator(NOTE).last).to_contain_text("in, 5 out")
    expect(page.locator(NOTE).last).to_contain_text("ended by the limit on tokens")


def test_a_phone_shows_the_chat_first_and_nothing_sticks_out(
    browser: Browser, gradio: Service
) -> None:
    with opened(browser, gradio, PHONE) as visited:
        page = visited.page
        expect(page.get_by_text("What is a token?")).to_be_in_viewport(ratio=1)
        expect(page.locator(SEND)).to_be_in_viewport(ratio=1)
        expect(page.get_by_label("Model", exact=True)).not_to_be_in_viewport()
        ask(page, "What is a token?")
        finish(page)
        expect(page.locator(SEND)).to_be_in_viewport(ratio=1)
        assert visited.sideways_overflow_px() == 0
        page.locator("#settings .toggle-button").click()
        expect(page.get_by_label("Model", exact=True)).to_be_in_viewport()
        assert visited.sideways_overflow_px() == 0


def test_nothing_is_asked_of_other_machines(chat: Visit) -> None:
    page = chat.page
    ask(page, "What is a token?")
    finish(page)
    show_settings(page, "Developer")
    page.get_by_label("Model", exact=True).click()
    page.locator(NOTE).last.click()
    assert chat.foreign == []
    assert chat.script_errors == []


def test_markup_and_foreign_pictures_in_an_answer_do_no_harm(
    browser: Browser, run_folder: Path
) -> None:
    with (
        upstream() as server,
        running("gradio_ui", run_folder, {"LMSTUDIO_URL": server.url}) as service,
        opened(browser, service) as visited,
    ):
        page = visited.page
        ask(page, "html please")
        finish(page)
        expect(page.locator(f"{ANSWER} strong")).to_have_text("bold")
        expect(page.locator(f"{ANSWER} .katex").first).to_be_visible()
        expect(page.locator(f"{ANSWER} script")).to_have_count(0)
        assert visited.foreign == []


def test_copy_takes_the_answer_without_numbers_or_thoughts(
    browser: Browser, run_folder: Path
) -> None:
    with (
        upstream() as server,
        running("gradio_ui", run_folder, {"LMSTUDIO_URL": server.url}) as service,
        opened(browser, service) as visited,
    ):
        page = visited.page
        page.context.grant_permissions(["clipboard-read", "clipboard-write"])
        ask(page, "think about it")
        finish(page)
        expect(page.locator(NOTE).first).to_contain_text("Thought")
        page.locator("button[title='Copy message']:visible").last.click()
        copied = page.evaluate("navigator.clipboard.readText()")
        assert copied.strip() == "You asked: think about it"


COUNT_PICTURES = """
const own = window.requestAnimationFrame;
window.asked = 0;
window.requestAnimationFrame = (draw) => { window.asked += 1; return own.call(window, draw); };
window.pictures = async (left) => {
  window.asked = 0;
  while (left--) await new Promise((next) => own.call(window, next));
  return window.asked;
};
"""


def test_a_page_that_nobody_touches_rests(chat: Visit) -> None:
    chat.page.add_init_script(COUNT_PICTURES)
    chat.page.reload()
    expect(chat.page.locator("#question textarea")).to_be_visible()
    until(chat.page, lambda: chat.page.evaluate("pictures(30)") == 0, "a page that draws nothing")


def test_the_page_says_what_was_tried_and_recovers_by_itself(
    browser: Browser, run_folder: Path
) -> None:
    port = free_port()
    env = {"LMSTUDIO_URL": f"http://127.0.0.1:{port}"}
    with (
        running("gradio_ui", run_folder, env) as service,
        visit(browser, f"{service.url}/") as visited,
    ):
        page = visited.page
        state = page.locator("#state")
        expect(state).to_contain_text(f"No model server answers at http://127.0.0.1:{port}")
        expect(state.locator("li.failed")).to_contain_text("Connection")
        expect(page.locator("#question textarea")).to_be_hidden()
        with upstream(port):
            expect(page.locator("#question textarea")).to_be_visible()
            expect(state).to_be_hidden()
            ask(page, "one two")
            finish(page)
            assert answer(page) == "You asked: one two"


def test_a_server_that_dies_in_mid_answer_leaves_the_words_and_says_so(
    browser: Browser, run_folder: Path, teaching_models: Path
) -> None:
    env = {"ENGINE_TEACHING_DIR": str(teaching_models), "ENGINE_TOKENS_PER_SECOND": "2"}
    with (
        running("engine", run_folder, env) as mortal,
        running("gradio_ui", run_folder, {"LMSTUDIO_URL": mortal.url}) as service,
        opened(browser, service) as visited,
    ):
        page = visited.page
        ask(page, STORY)
        words = until(page, lambda: answer(page), "the first words")
        mortal.process.kill()
        finish(page)
        assert answer(page).startswith(words)
        expect(page.locator(NOTE).filter(has_text="cut off")).to_be_visible()
        expect(page.locator(NOTE).last).to_contain_text("first token after")
        expect(page.locator("#state")).to_contain_text("No model server answers")
        mortal.process.wait()
        with upstream(mortal.port):
            expect(page.locator("#state")).to_be_hidden()
            ask(page, "one two")
            until(page, lambda: answer(page) == "You asked: one two", "an answer again")
        assert "Traceback" not in visited.text()


def test_the_service_stops_at_once_with_a_tab_open_and_an_answer_under_way(
    browser: Browser, slow_engine: Service, run_folder: Path
) -> None:
    with (
        running("gradio_ui", run_folder, {"LMSTUDIO_URL": slow_engine.url}) as service,
        opened(browser, service) as visited,
    ):
        ask(visited.page, STORY)
        until(visited.page, lambda: answer(visited.page), "the first words")
        assert service.stop(timeout_s=30) == 0
        until(visited.page, lambda: slots(slow_engine)["active"] == 0, "the slot to be free")
        assert "Traceback" not in service.log
