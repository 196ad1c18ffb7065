"""The page without a browser: what stands on it in each situation."""

from __future__ import annotations

import gc
from pathlib import Path

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

import streamlit_ui
from tests.chat_client.upstream import Cut, Pause, Upstream, chunk, native_model, spoken
from tests.running import free_port

SCRIPT = str(Path(streamlit_ui.__file__).with_name("app.py"))


def page() -> AppTest:
    opened = AppTest.from_file(SCRIPT, default_timeout=20).run()
    assert not opened.exception
    return opened


def ask(opened: AppTest, question: str) -> AppTest:
    opened.chat_input[0].set_value(question).run()
    assert not opened.exception
    return opened


def developer(opened: AppTest) -> AppTest:
    """The page in the mode that shows every setting."""
    opened.selectbox(key="mode").set_value("Developer").run()
    assert not opened.exception
    return opened


def words(opened: AppTest) -> str:
    blocks = [*opened.title, *opened.markdown, *opened.caption, *opened.error, *opened.warning]
    text = "\n".join(str(block.value) for block in [*blocks, *opened.info])
    return text.replace("\N{NO-BREAK SPACE}", " ")


def test_the_first_sight_is_a_welcome_with_questions_to_click(server: Upstream) -> None:
    opened = page()
    assert opened.title[0].value == "What would you like to know?"
    assert "What is a token?" in [button.label for button in opened.button]
    assert "LM Studio" in words(opened)
    assert server.requests == []


def test_a_question_is_answered_with_its_numbers(server: Upstream) -> None:
    opened = ask(page(), "What is a token?")
    assert "A token is a piece of text." in words(opened)
    assert "5 tokens in, 7 out · " in words(opened)
    assert len(opened.chat_message) == 2


def test_collections_spare_what_the_first_page_has_loaded(server: Upstream) -> None:
    page()
    assert gc.get_freeze_count() > 10_000


def test_a_suggestion_is_asked_by_one_click(server: Upstream) -> None:
    opened = page()
    next(button for button in opened.button if button.label == "What is quantization?").click()
    opened.run()
    assert server.requests[0]["messages"] == [{"role": "user", "content": "What is quantization?"}]
    assert not opened.title  # The welcome has gone.


def test_the_next_question_carries_the_conversation_and_the_settings(server: Upstream) -> None:
    opened = developer(ask(page(), "One?"))
    opened.slider(key="temperature").set_value(0.2)
    opened.slider(key="top_p").set_value(0.5)
    opened.number_input(key="max_tokens").set_value(64)
    opened.number_input(key="top_k").set_value(20)
    opened.number_input(key="seed").set_value(7)
    opened.text_area(key="stop").set_value("END")
    opened.text_area(key="system_prompt").set_value("Be kind.")
    ask(opened, "Two?")
    sent = server.requests[1]
    assert [message["role"] for message in sent["messages"]] == [
        "system",
        "user",
        "assistant",
        "user",
    ]
    assert (sent["temperature"], sent["top_p"], sent["max_tokens"]) == (0.2, 0.5, 64)
    assert (sent["top_k"], sent["seed"], sent["stop"]) == (20, 7, ["END"])
    assert "min_p" not in sent  # What nobody has set is left to the server.


def test_a_beginner_sees_a_chat_and_no_setting(server: Upstream) -> None:
    opened = page()
    assert not opened.slider
    assert not opened.text_area
    developer(opened)
    labels = {each.label for each in [*opened.slider, *opened.number_input, *opened.text_area]}
    assert {"Temperature", "Top p", "Top k", "Seed", "JSON schema", "System prompt"} <= labels
    opened.selectbox(key="mode").set_value("Power user").run()
    labels = {each.label for each in [*opened.slider, *opened.number_input, *opened.text_area]}
    assert "Temperature" in labels
    assert "Seed" not in labels


def test_a_setting_that_cannot_be_says_so_and_is_not_sent(server: Upstream) -> None:
    opened = developer(page())
    opened.text_area(key="json_schema").set_value("{oops").run()
    assert "The JSON schema cannot be read" in words(opened)
    ask(opened, "Hello")
    assert "response_format" not in server.requests[0]


def test_a_link_reproduces_the_settings(server: Upstream) -> None:
    opened = AppTest.from_file(SCRIPT, default_timeout=20)
    opened.query_params.update(mode="Developer", temperature="0.2", seed="7", top_k="20")
    ask(opened.run(), "Hello")
    sent = server.requests[0]
    assert (sent["temperature"], sent["seed"], sent["top_k"]) == (0.2, 7, 20)


def test_a_link_brings_the_model_too(server: Upstream) -> None:
    server.routes["/api/v1/models"] = (200, {"models": [native_model("tiny"), native_model("big")]})
    opened = page()
    opened.button(key="model-big").click().run()
    address = opened.query_params["model"]
    other = AppTest.from_file(SCRIPT, default_timeout=20)
    other.query_params["model"] = address
    ask(other.run(), "Hello")
    assert server.requests[0]["model"] == "big"


def test_the_chosen_model_is_asked(server: Upstream) -> None:
    asleep = native_model("big", loaded_instances=[])
    server.routes["/api/v1/models"] = (200, {"models": [native_model("tiny"), asleep]})
    opened = page()
    opened.button(key="model-big").click().run()
    ask(opened, "Hello")
    assert server.requests[0]["model"] == "big"
    assert "answered by tiny, not big" in words(opened)


def test_a_model_that_the_key_may_not_use_is_grey_and_says_why(
    server: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LLM_URL", server.url)
    st.cache_resource.clear()
    both = {"models": [native_model("big"), native_model("tiny")]}
    server.routes["/api/v1/models"] = (200, both)
    rights = {"name": "ana", "scopes": ["chat"], "models": ["tiny*"]}
    server.routes["/lectern/key"] = (200, rights)
    opened = page()
    assert opened.button(key="model-big").disabled
    assert "The key ana is for other models: tiny*." in words(opened)
    ask(opened, "Hello")
    assert server.requests[0]["model"] == "tiny"


def test_thinking_is_folded_away(server: Upstream) -> None:
    server.script = lambda _: [chunk(reasoning_content="Let me see."), *spoken("Yes.")]
    opened = ask(page(), "Really?")
    assert opened.expander[0].label.startswith("Thinking · ")
    assert opened.expander[0].markdown[0].value == "Let me see."


def test_a_broken_answer_keeps_its_text_and_the_chat_goes_on(server: Upstream) -> None:
    server.script = lambda _: [chunk("Half an answer"), Pause(0.05), Cut()]
    opened = ask(page(), "Hello")
    assert "Half an answer" in words(opened)
    assert "cut off" in opened.error[0].value
    assert any("token out · first token after" in each.value for each in opened.caption)
    server.script = lambda _: spoken("Whole again.")
    ask(opened, "And now?")
    assert "Whole again." in words(opened)


def test_a_new_chat_forgets_the_old_one(server: Upstream) -> None:
    opened = ask(page(), "Hello")
    assert opened.query_params["chat"]
    opened.button(key="new_chat").click().run()
    assert opened.title[0].value == "What would you like to know?"
    assert "chat" not in opened.query_params
    ask(opened, "Again")
    assert len(server.requests[1]["messages"]) == 1


def test_the_address_of_a_chat_finds_it_again(server: Upstream) -> None:
    address = ask(page(), "What is a token?").query_params["chat"]
    other = AppTest.from_file(SCRIPT, default_timeout=20)
    other.query_params["chat"] = address
    other.run()
    assert "A token is a piece of text." in words(other)


def test_an_unknown_address_is_a_new_chat(server: Upstream) -> None:
    other = AppTest.from_file(SCRIPT, default_timeout=20)
    other.query_params["chat"] = "gone"
    other.run()
    assert other.title[0].value == "What would you like to know?"
    assert "not kept any more" in other.toast[0].value


def test_without_a_server_the_page_says_what_was_tried_and_what_to_do(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    port = free_port()
    monkeypatch.setenv("LMSTUDIO_URL", f"http://127.0.0.1:{port}")
    st.cache_resource.clear()
    opened = page()
    assert opened.title[0].value == "No model server answers yet"
    assert f"refuses connections on port {port}" in words(opened)
    assert "lms server start" in opened.info[0].value
    assert opened.chat_input[0].disabled


def test_a_server_without_a_model_says_load_one(server: Upstream) -> None:
    server.routes["/api/v1/models"] = (200, {"models": []})
    opened = page()
    assert opened.title[0].value == "No model to chat with yet"
    assert "lms load" in opened.info[0].value
