"""The Playground without a browser: links, demos, blind votes, and a gateway that is away."""

from __future__ import annotations

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from tests.chat_client.upstream import Upstream, native_model, spoken
from tests.running import free_port


@pytest.fixture
def server(server: Upstream, monkeypatch: pytest.MonkeyPatch) -> Upstream:
    """Two models, and no gateway."""
    server.routes["/api/v1/models"] = (200, {"models": [native_model("tiny"), native_model("big")]})
    server.script = lambda body: spoken(f"I, {body['model']}, am here.")
    monkeypatch.setenv("GATEWAY_URL", f"http://127.0.0.1:{free_port()}")
    monkeypatch.setenv("GATEWAY_KEY", "lk-nobody")
    return server


def script() -> None:
    from streamlit_ui.playground_page import playground_page  # Runs apart from this file.

    playground_page()


def page(**query: str) -> AppTest:
    opened = AppTest.from_function(script, default_timeout=20)
    opened.query_params.update(query)
    opened.run()
    assert not opened.exception
    return opened


def ask(opened: AppTest, prompt: str) -> AppTest:
    opened.chat_input[0].set_value(prompt).run()
    assert not opened.exception
    return opened


def words(opened: AppTest) -> str:
    blocks = [*opened.markdown, *opened.caption, *opened.success, *opened.warning, *opened.error]
    return "\n".join(str(block.value) for block in blocks)


def press(opened: AppTest, label: str) -> AppTest:
    next(button for button in opened.button if button.label == label).click().run()
    assert not opened.exception
    return opened


def test_a_link_brings_the_comparison(server: Upstream) -> None:
    opened = page(sides="3", model_2="big", temperature_2="1.5", seed_3="7")
    ask(opened, "Who?")
    asked = {(each["model"], each["temperature"], each.get("seed")) for each in server.requests}
    assert asked == {("tiny", 0.7, None), ("big", 1.5, None), ("tiny", 0.7, 7)}
    assert opened.query_params["prompt"] in ("Who?", ["Who?"])
    shown = words(opened)
    assert "I, big, am here." in shown
    assert "**big · Temperature 1.5**" in shown


def test_a_demo_sets_both_sides(server: Upstream) -> None:
    opened = ask(press(page(), "Temperature 0 against 1.5"), "A fox?")
    assert {(each["model"], each["temperature"]) for each in server.requests} == {
        ("tiny", 0.0),
        ("tiny", 1.5),
    }
    assert len({each["seed"] for each in server.requests}) == 1
    assert "All answers are the same" in words(opened)


def test_a_demo_that_is_not_possible_is_grey(server: Upstream) -> None:
    grey = next(b for b in page().button if b.label == "Q4_0 against F16")
    assert grey.disabled
    assert "two quantizations" in grey.help


def test_a_blind_round_names_nobody_before_the_vote(server: Upstream) -> None:
    server.script = lambda _: spoken("I am here.")
    opened = ask(page(model_2="big", blind="true"), "Who?")
    assert "**Model A**" in words(opened)
    assert "tokens/s" not in words(opened)
    press(opened, "First is better")
    assert "You voted: First is better." in words(opened)
    assert {"**tiny**", "**big**"} <= {block.value for block in opened.markdown}
    assert "tokens/s" in words(opened)


def test_without_a_gateway_the_round_goes_on_and_says_that_nothing_is_kept(
    server: Upstream,
) -> None:
    opened = ask(page(model_2="big"), "Who?")
    assert "Votes are not kept now." in words(opened)
    press(opened, "Tie")
    assert "This vote is not kept." in words(opened)


def test_a_model_that_has_gone_is_replaced(server: Upstream) -> None:
    opened = page(model_2="big")
    server.routes["/api/v1/models"] = (200, {"models": [native_model("tiny")]})
    st.cache_resource.clear()
    opened.run()
    ask(opened, "Who?")
    assert [each["model"] for each in server.requests] == ["tiny", "tiny"]
    assert "same model with the same settings" in words(opened)


def test_the_mark_shows_what_differs_and_lets_no_tag_through(server: Upstream) -> None:
    server.script = lambda body: spoken(f"The same <b>start</b> of {body['model']}")
    opened = ask(page(model_2="big", mark="true"), "Who?")
    html = "\n".join(str(block.proto.body) for block in opened.get("html"))
    assert "The same &lt;b&gt;start&lt;/b&gt; of <mark>big</mark>" in html
    assert "They begin with the same 4 words." in words(opened)
