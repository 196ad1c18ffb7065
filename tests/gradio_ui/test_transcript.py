"""What the page shows of a conversation."""

from __future__ import annotations

from chat_client import ChatError, Finished, Reasoning, Stats, Text, ToolCall
from gradio_ui.bubble import Bubble
from gradio_ui.chat import PART_CHARACTERS, Chat, Exchange
from gradio_ui.transcript import drawn, transcript

STATS = Stats(0.03, 39.8, 12, 41, "length", "tiny@q8_0")


def asked(question: str = "Why?") -> tuple[Chat, Exchange]:
    chat = Chat()
    return chat, chat.begin(chat.dialogue.ask(question, "tiny"))


def title(bubble: Bubble) -> str:
    return str(bubble["metadata"]["title"])


def test_a_finished_answer_carries_its_line_of_numbers() -> None:
    chat, exchange = asked()
    exchange.take(Text("Because."))
    exchange.take(Finished(STATS))
    exchange.answer.end()
    question, answer, numbers = transcript(chat)
    assert (question["role"], question["content"][0]["text"]) == ("user", "Why?")
    assert answer["content"][0]["text"] == "Because."
    assert title(numbers) == (
        "12 tokens in, 41 out · 39.8 tokens/s · first token after 0.03 s"
        " · ended by the limit on tokens · answered by tiny@q8_0, not tiny"
    )
    assert "tiny@q8_0" in numbers["content"][0]["text"]
    assert "cut short" in numbers["content"][0]["text"]


def test_indented_text_keeps_its_indentation() -> None:
    chat, _ = asked("  - a\n    - b")
    assert transcript(chat)[0]["content"] == [{"type": "text", "text": "  - a\n    - b"}]


def test_thoughts_are_set_apart_and_fold_when_the_answer_begins() -> None:
    chat, exchange = asked()
    exchange.take(Reasoning("Let me see."))
    _, thinking = transcript(chat)
    assert (title(thinking), thinking["metadata"]["status"]) == ("Thinking", "pending")
    exchange.take(Text("So:"))
    _, thought, answer = transcript(chat)
    assert thought["metadata"]["status"] == "done"
    assert "duration" in thought["metadata"]
    assert answer["content"][0]["text"] == "So:"


def test_a_tool_call_lies_in_the_thought_that_led_to_it() -> None:
    chat, exchange = asked()
    exchange.take(Reasoning("I must ask for the weather."))
    exchange.take(ToolCall(0, "c1", "get_weather", '{"city": "Bern"}'))
    _, thought, call = transcript(chat)
    assert (title(thought), thought["metadata"]["status"]) == (
        "Thought · tool call: `get_weather`",
        "done",
    )
    assert call["metadata"]["parent_id"] == thought["metadata"]["id"]
    assert '"city": "Bern"' in call["content"][0]["text"]
    exchange.answer.end()
    said = transcript(chat)[3]["content"][0]["text"]  # a place for the thumbs of such an answer
    assert said.startswith("The model wants to call `get_weather`")
    chat.begin(chat.dialogue.ask("And now?", "tiny")).take(Reasoning("Again."))
    assert transcript(chat)[-1]["metadata"]["id"] != thought["metadata"]["id"]


def test_the_place_in_line_is_shown() -> None:
    chat, exchange = asked()
    exchange.place = 2
    assert title(transcript(chat)[-1]) == "Waiting in line: 2nd"


def test_a_stopped_answer_is_marked_below_what_came() -> None:
    chat, exchange = asked()
    exchange.take(Text("Beca"))
    exchange.answer.stop()
    _, answer, mark = transcript(chat)
    assert answer["content"][0]["text"] == "Beca"
    assert title(mark).startswith("Stopped after ")


def test_a_stopped_answer_has_the_numbers_of_what_came_and_its_model() -> None:
    chat, exchange = asked()
    exchange.take(Text("Beca"))
    so_far = Stats(0.25, 40.0, None, None, None, "other", counted_tokens=3)
    exchange.answer.stop(so_far)
    mark = transcript(Chat(chat.dialogue))[-1]  # as after a reload
    assert title(mark) == (
        "Stopped · about 3 tokens out · 40.0 tokens/s · first token after 0.25 s · "
        "answered by other, not tiny"
    )
    assert "**Tokens written:** about 3" in mark["content"][0]["text"]


def test_a_broken_answer_says_what_was_wrong_and_what_to_do() -> None:
    chat, exchange = asked()
    exchange.take(Text("Beca"))
    exchange.answer.end(ChatError("The server went away.", "Start it again."))
    _, answer, trouble = transcript(chat)
    assert answer["content"][0]["text"] == "Beca"
    assert title(trouble) == "The server went away."
    assert trouble["content"][0]["text"] == "Start it again."


def test_a_broken_answer_that_had_begun_has_its_numbers_too() -> None:
    chat, exchange = asked()
    exchange.take(Text("Beca"))
    so_far = Stats(0.25, 40.0, None, None, None, "tiny", duration_s=0.3, counted_tokens=3)
    exchange.answer.end(ChatError("The server went away.", "Start it again."), so_far)
    *_, trouble, numbers = transcript(chat)
    assert title(trouble) == "The server went away."
    line = "about 3 tokens out · 40.0 tokens/s · first token after 0.25 s · tiny"
    assert title(numbers) == line


def test_versions_of_a_question_and_of_an_answer_have_arrows_to_the_others() -> None:
    chat, exchange = asked()
    exchange.take(Text("Because."))
    exchange.answer.end()
    first = chat.dialogue.shown
    assert not any("/" in bubble["content"][0]["text"] for bubble in transcript(chat))
    chat.begin(chat.dialogue.edit(first[0].message.id, "How?")).answer.stop()
    again = chat.begin(chat.dialogue.regenerate(chat.dialogue.shown[-1].message.id))
    assert (
        len([bubble for bubble in transcript(chat) if "2/2" in bubble["content"][0]["text"]]) == 1
    )
    again.answer.stop()
    lines = [bubble["content"][0]["text"] for bubble in transcript(chat)]
    assert f"[\u2039](#question-{first[0].message.id}) 2/2 \u203a" in lines
    assert any(line.startswith("[\u2039](#answer-m_") for line in lines)


def test_each_bubble_knows_its_message() -> None:
    chat, exchange = asked()
    exchange.take(Text("Because."))
    exchange.answer.end()
    question, answer = (shown.message.id for shown in chat.dialogue.shown)
    assert [id_ for id_, _ in drawn(chat)] == [question, answer, answer]


def test_a_kept_answer_that_broke_off_is_drawn_without_a_time() -> None:
    chat, exchange = asked()
    exchange.take(Text("Beca"))
    exchange.answer.stop()
    assert title(transcript(Chat(chat.dialogue))[-1]) == "Stopped · tiny"


def test_a_long_answer_comes_in_parts_that_stay_and_is_one_at_its_end() -> None:
    chat, exchange = asked()

    def parts(paragraphs: int) -> list[str]:
        for _ in range(paragraphs):
            exchange.take(Text("A paragraph of ten words, as many as it takes.\n\n"))
        return [part["text"] for part in transcript(chat)[1]["content"]]

    few = parts(200)
    more = parts(200)
    assert len(few) > 1
    assert more[: len(few) - 1] == few[:-1]  # what the page has drawn need not be drawn again
    assert "".join(more) == exchange.answer.text
    assert max(map(len, more)) < 2 * PART_CHARACTERS
    exchange.answer.end()
    assert parts(0) == [exchange.answer.text]  # so that Copy takes all of it
