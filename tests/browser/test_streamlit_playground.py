"""The Streamlit Playground in a real browser, on the real engine: all at once, one Stop, a vote."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.browser.pages import LAPTOP, PHONE, visit
from tests.browser.slots import slots
from tests.browser.streamlit_page import LONG_STORY, ask, ready
from tests.running import Service, wait_until

pytestmark = pytest.mark.browser

# Longer than Streamlit takes to scroll a page to its end.
FRAMES = """() => new Promise(done => {
    let left = 60;
    const frame = () => left-- ? requestAnimationFrame(frame) : done();
    frame();
})"""
# Both at one moment: the page may still be moving.
BOXES = """() => [0, 1].map(number =>
    document.querySelector(`.st-key-pane-${number}`).getBoundingClientRect().toJSON())"""


@pytest.fixture(scope="module")
def env(kept: dict[str, str]) -> dict[str, str]:
    return kept


def pane(page: Page, number: int) -> Locator:
    return page.locator(f".st-key-pane-{number}")


def words(page: Page, number: int) -> str:
    """What a pane shows of its answer, without the contestant's name; empty while it waits."""
    texts = pane(page, number).get_by_test_id("stMarkdown").all_inner_texts()[1:]
    found = " ".join(text.strip() for text in texts if text.strip())
    return "" if found.startswith(("Waiting for", "speed and tokens")) else found


def test_all_are_asked_at_once_and_one_stop_frees_every_slot(
    browser: Browser, slow_streamlit: Service, slow_engine: Service
) -> None:
    link = "/playground?sides=3&temperature_2=1.5&seed_3=7"
    with visit(browser, slow_streamlit.url + link) as here:
        page = here.page
        ready(page)
        before = slots(slow_engine)
        ask(page, LONG_STORY)
        wait_until(lambda: all(words(page, number) for number in range(3)), "three answers")
        assert slots(slow_engine)["active"] == 3
        page.get_by_role("link", name="Chat", exact=True).click()
        page.get_by_text("What would you like to know?").wait_for()
        page.get_by_role("link", name="Playground").click()
        wait_until(lambda: words(page, 2), "the round to be there again")
        assert slots(slow_engine)["active"] == 3  # Nobody was given up meanwhile.
        shown = [words(page, number) for number in range(3)]
        page.reload()  # The round is the service's: the answers are back, and more comes.
        for number in range(3):
            wait_until(lambda n=number: len(words(page, n)) > len(shown[n]), "more of each")  # type: ignore[misc]
            assert words(page, number).startswith(shown[number])
        assert slots(slow_engine)["active"] == 3
        page.locator(".st-key-stop").get_by_role("button", name="Stop").click()
        stopped = before["cancelled"] + 3
        wait_until(lambda: slots(slow_engine)["cancelled"] == stopped, "every slot")
        assert slots(slow_engine)["active"] == 0
        wait_until(lambda: page.get_by_text("stopped").count() == 3, "three stopped answers")
        ready(page)
        ask(page, "And now?")
        wait_until(lambda: slots(slow_engine)["active"] == 3, "the next round")
        page.get_by_test_id("stChatInputStopButton").click()
        wait_until(lambda: slots(slow_engine)["active"] == 0, "the slots of the next round")
        ready(page)
        ask(page, "And then?")
        wait_until(lambda: slots(slow_engine)["active"] == 3, "the last round")
        page.keyboard.press("Escape")
        wait_until(lambda: slots(slow_engine)["active"] == 0, "the slots of the last round")
        assert (here.foreign, here.script_errors) == ([], [])


def test_a_demo_parts_a_vote_reveals_and_the_leaderboard_counts(
    browser: Browser, streamlit: Service
) -> None:
    with visit(browser, f"{streamlit.url}/playground", LAPTOP) as here:
        page = here.page
        ready(page)
        page.get_by_role("button", name="Q4_0 against F16").click()
        page.wait_for_url(lambda url: "temperature_1=0" in url)
        box = page.get_by_test_id("stChatInput").locator("textarea")
        wait_until(lambda: box.input_value() == LONG_STORY, "its prompt")
        box.press("Enter")
        page.get_by_text("Which answer is better?").wait_for()
        assert pane(page, 0).get_by_text("tokens/s").count() == 1
        assert pane(page, 1).get_by_text("tokens/s").count() == 1
        same = page.get_by_text("All answers are the same").count() == 1
        assert (page.locator("mark").count() == 0) == same
        link = page.url

        page.get_by_text("Hide the names").click()
        page.wait_for_url(lambda url: "blind=true" in url)
        ask(page, "What is a token?")
        pane(page, 0).get_by_text("Model A").wait_for()
        page.get_by_text("Which answer is better?").wait_for()
        page.reload()
        page.get_by_text("Which answer is better?").wait_for()  # It can still be given.
        pane(page, 0).get_by_text("Model A").wait_for()
        assert "lectern-101" not in pane(page, 0).inner_text() + pane(page, 1).inner_text()
        page.get_by_role("button", name="Second is better").click()
        page.get_by_text("You voted: Second is better.").wait_for()
        shown = pane(page, 1).locator("strong").first
        wait_until(lambda: "lectern-101" in shown.inner_text(), "the name")
        winner = shown.inner_text()
        page.get_by_text("Leaderboard", exact=True).click()
        row = page.get_by_role("row").filter(has_text=winner.split(" · ")[0])
        wait_until(lambda: row.count() >= 1, "the winner in the table")
        assert (here.foreign, here.script_errors) == ([], [])
    with visit(browser, link) as here:  # Somebody else opens the link.
        ready(here.page)
        box = here.page.get_by_test_id("stChatInput").locator("textarea")
        wait_until(lambda: box.input_value() == LONG_STORY, "the prompt")
        box.press("Enter")
        pane(here.page, 0).get_by_text("lectern-101@q4_0").wait_for()
        pane(here.page, 1).get_by_text("lectern-101@f16").wait_for()


def test_on_a_phone_the_panes_stand_below_each_other(browser: Browser, streamlit: Service) -> None:
    with visit(browser, f"{streamlit.url}/playground?temperature_2=1.5", PHONE, "dark") as here:
        page = here.page
        ready(page)
        assert here.sideways_overflow_px() == 0
        heading = page.get_by_role("heading", name="Playground")
        page.get_by_text("Leaderboard", exact=True).wait_for()  # The page is whole.
        page.evaluate(FRAMES)
        expect(heading).to_be_in_viewport()
        page.keyboard.press("Shift")  # From a touch on, nobody holds the page any more.
        page.evaluate(FRAMES)
        expect(heading).to_be_in_viewport(timeout=1)
        ask(page, "What is a token?")
        page.get_by_text("Which answer is better?").wait_for()
        expect(page.locator(".st-key-asked-all")).to_be_in_viewport()
        upper, lower = page.evaluate(BOXES)
        assert upper["x"] == lower["x"]
        assert upper["bottom"] <= lower["y"]
        assert here.sideways_overflow_px() == 0
        said = [words(page, number) for number in range(2)]
        page.reload()
        page.get_by_text("Which answer is better?").wait_for()
        assert [words(page, number) for number in range(2)] == said
        assert here.sideways_overflow_px() == 0
        page.get_by_role("button", name="Tie").click()
        page.get_by_text("You voted: Tie.").wait_for()
