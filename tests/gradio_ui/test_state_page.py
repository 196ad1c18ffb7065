"""The page shown while no model server answers."""

from __future__ import annotations

from chat_client import ChatError, Model, ServerState, Step
from gradio_ui.lookout import Outlook
from gradio_ui.state_page import state_page, status_line

AWAY = ServerState(
    "http://127.0.0.1:1234",
    False,
    (Step("Address", True, "127.0.0.1"), Step("Connection", False, "refused <on> 1234")),
    "Run `lms server start`.",
)
MODEL = Model("tiny", "Tiny", loaded=True)


def test_it_says_what_was_tried_and_what_to_do() -> None:
    html = state_page(Outlook(AWAY), compact=False)
    assert "No model server answers at http://127.0.0.1:1234" in html
    assert '<li class="ok"><b>Address</b>' in html
    assert '<li class="failed"><b>Connection</b>' in html
    assert "Run <code>lms server start</code>." in html


def test_foreign_text_is_escaped() -> None:
    assert "refused &lt;on&gt; 1234" in state_page(Outlook(AWAY), compact=True)


def test_a_server_without_models_asks_for_one() -> None:
    idle = ServerState("http://127.0.0.1:1234", True, (Step("Models", False, "none"),))
    assert "offers no chat model" in state_page(Outlook(idle), compact=False)


def test_a_refusal_is_passed_on() -> None:
    refusal = ChatError("The key is not accepted.", "Set LLM_API_KEY.")
    html = state_page(Outlook(AWAY, refusal=refusal), compact=False)
    assert "The key is not accepted." in html
    assert "Set LLM_API_KEY." in html


def test_the_status_line_follows_the_outlook() -> None:
    assert "no model server" in status_line(Outlook(AWAY))
    ready = Outlook(ServerState("http://127.0.0.1:1234", True, ()), (MODEL,))
    assert "http://127.0.0.1:1234" in status_line(ready)


def test_the_picked_model_stays_while_it_is_offered() -> None:
    ready = Outlook(ServerState("http://127.0.0.1:1234", True, ()), (MODEL, Model("b", "B", False)))
    assert ready.choose("b") == "b"
    assert ready.choose("gone") == "tiny"
    assert Outlook(AWAY).choose("b") is None
