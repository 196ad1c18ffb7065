"""Files that go along with a question, and how full the context is: on the page, and sent."""

from __future__ import annotations

from streamlit.testing.v1 import AppTest

from tests.chat_client.upstream import Upstream, native_model, spoken
from tests.streamlit_ui.test_app import ask, developer, page, words

PNG = b"\x89PNG\r\n\x1a\n" + bytes(64)


def attach(opened: AppTest, name: str, data: bytes, kind: str) -> AppTest:
    opened.file_uploader[0].upload(name, data, kind).run()
    assert not opened.exception
    return opened


def test_a_text_file_says_what_it_costs_and_goes_along_once(server: Upstream) -> None:
    opened = attach(page(), "notes.txt", b"The fox lives in a tower. " * 20, "text/plain")
    assert "notes.txt: about " in words(opened)
    ask(opened, "Where does the fox live?")
    sent = server.requests[0]["messages"][0]["content"]
    assert "--- File: notes.txt ---" in sent
    assert sent.endswith("Where does the fox live?")
    assert "Attached: notes.txt" in words(opened)
    assert "notes.txt: about " not in words(opened)


def test_a_picture_for_a_model_without_eyes_is_refused_before_sending(server: Upstream) -> None:
    opened = attach(page(), "cat.png", PNG, "image/png")
    assert "cannot see pictures" in opened.warning[0].value
    assert opened.chat_input[0].disabled


def test_a_picture_goes_to_a_model_that_sees(server: Upstream) -> None:
    sees = native_model("eye", capabilities={"vision": True, "trained_for_tool_use": False})
    server.routes["/api/v1/models"] = (200, {"models": [sees]})
    opened = attach(page(), "cat.png", PNG, "image/png")
    ask(opened, "What is this?")
    parts = server.requests[0]["messages"][0]["content"]
    assert [part["type"] for part in parts] == ["text", "image_url"]


def test_the_meter_tells_how_full_the_context_is(server: Upstream) -> None:
    opened = developer(ask(page(), "Hello"))
    assert "of 1,024 tokens" in words(opened)
    assert "Goes first when it is full: “Hello”" in words(opened)


def test_a_full_context_is_a_choice(server: Upstream) -> None:
    server.script = lambda _: spoken("word " * 900)
    opened = ask(page(), "First question")
    assert "The context is full" in opened.warning[0].value
    assert "First question" in opened.warning[0].value
    opened.button(key="leave_out").click().run()
    server.script = lambda _: spoken("Fine.")
    ask(opened, "Second question")
    assert [each["content"] for each in server.requests[1]["messages"]] == ["Second question"]
