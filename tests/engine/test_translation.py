"""What the teaching model never says: tool calls and reasoning, as llama.cpp streams them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from engine.assembly import ChatAssembly, MessageAssembly
from engine.card import Card
from engine.catalogue import Answering, Instance, Model
from engine.chat import Chat
from engine.dialect import Dialect
from engine.history import History
from engine.llama import LoadConfig
from engine.native_chat import NativeChat
from engine.responses import Responses
from engine.slots import Slots

CARD = Card(Path("m.gguf"), "M", "llama", "Q4_K_M", 1, 1, 4096, 1, 1, False, True)


def call(arguments: str, **more: Any) -> dict[str, Any]:
    return {"index": 0, "function": {"arguments": arguments, **more}}


def chunk(delta: dict[str, Any], finish: str | None = None) -> dict[str, Any]:
    return {"choices": [{"index": 0, "delta": delta, "finish_reason": finish}]}


OPENING = {"id": "c1", "type": "function", **call("", name="clock")}
THOUGHT = [
    chunk({"role": "assistant", "content": None}),
    chunk({"reasoning_content": "Let"}),
    chunk({"reasoning_content": " me"}),
    chunk({"content": "Noon"}),
    chunk({}, "stop"),
]
CALLED = [
    chunk({"role": "assistant", "content": None}),
    chunk({"tool_calls": [OPENING]}),
    chunk({"tool_calls": [call('{"zone":')]}),
    chunk({"tool_calls": [call('"utc"}')]}),
    chunk({}, "tool_calls"),
]
USAGE = {"choices": [], "usage": {"prompt_tokens": 7, "completion_tokens": 5}}


@pytest.fixture
def answering() -> Answering:
    model = Model("m", "local", CARD)
    llama: Any = None
    instance = Instance("m", model, llama, LoadConfig(4096, 4, 1), Slots(4))
    return Answering(instance, "m")


def told(dialect: Dialect, answering: Answering, chunks: list[dict[str, Any]]) -> list[Any]:
    """The data of all events that the chunks become."""
    dialect.request()
    dialect.begin(answering)
    events = [*dialect.start()]
    for each in [*chunks, USAGE]:
        events += dialect.events(each)
    return [event.data for event in [*events, *dialect.end()]]


def whole(dialect: Dialect, answering: Answering, chunks: list[dict[str, Any]]) -> dict[str, Any]:
    dialect.request()
    dialect.begin(answering)
    assembly = ChatAssembly()
    for each in [*chunks, USAGE]:
        assembly.add(each)
    return dialect.reply(assembly.whole())


BODY: dict[str, Any] = {"messages": [{"role": "user", "content": "Time?"}]}
INPUT: dict[str, Any] = {"model": "m", "input": "Time?"}


def test_chat_streams_reasoning_before_content_and_counts_it(answering: Answering) -> None:
    body = BODY | {"stream": True, "stream_options": {"include_usage": True}}
    data = told(Chat(body), answering, THOUGHT)
    deltas = [each["choices"][0]["delta"] for each in data[:-2]]
    assert deltas[0] == {"role": "assistant", "reasoning_content": "Let"}
    assert deltas[2] == {"content": "Noon"}
    assert data[-2]["usage"]["completion_tokens_details"] == {"reasoning_tokens": 2}


def test_chat_keeps_reasoning_apart_in_a_whole_reply(answering: Answering) -> None:
    reply = whole(Chat(BODY), answering, THOUGHT)
    assert reply["choices"][0]["message"] == {
        "role": "assistant",
        "content": "Noon",
        "reasoning_content": "Let me",
        "tool_calls": [],
    }
    assert reply["usage"]["completion_tokens_details"] == {"reasoning_tokens": 2}


def test_chat_puts_a_tool_call_together(answering: Answering) -> None:
    reply = whole(Chat(BODY), answering, CALLED)
    assert reply["choices"][0]["finish_reason"] == "tool_calls"
    assert reply["choices"][0]["message"]["content"] == ""
    (made,) = reply["choices"][0]["message"]["tool_calls"]
    assert made["id"] == "c1"
    assert made["function"] == {"name": "clock", "arguments": '{"zone":"utc"}'}


def test_response_has_an_item_for_each_kind(answering: Answering) -> None:
    reply = whole(Responses(INPUT, History()), answering, THOUGHT)
    assert [item["type"] for item in reply["output"]] == ["reasoning", "message"]
    assert reply["output"][0]["content"][0]["text"] == "Let me"
    assert reply["usage"]["output_tokens_details"] == {"reasoning_tokens": 2}
    reply = whole(Responses(INPUT, History()), answering, CALLED)
    (item,) = reply["output"]
    assert (item["type"], item["call_id"], item["name"]) == ("function_call", "c1", "clock")
    assert item["arguments"] == '{"zone":"utc"}'


def test_response_streams_a_call_and_its_answer_can_follow(answering: Answering) -> None:
    history = History()
    data = told(Responses(INPUT | {"stream": True}, history), answering, CALLED)
    assert [each["type"] for each in data] == [
        "response.created",
        "response.in_progress",
        "response.output_item.added",
        "response.function_call_arguments.delta",
        "response.function_call_arguments.delta",
        "response.function_call_arguments.done",
        "response.output_item.done",
        "response.completed",
    ]
    result = {"type": "function_call_output", "call_id": "c1", "output": "12:00"}
    follow = {"input": [result], "previous_response_id": data[-1]["response"]["id"]}
    roles = [m["role"] for m in Responses(follow, history).request()["messages"]]
    assert roles == ["user", "assistant", "tool"]


def test_native_chat_streams_both_kinds_one_after_the_other(answering: Answering) -> None:
    data = told(NativeChat(INPUT | {"stream": True}, History()), answering, THOUGHT)
    assert [each["type"] for each in data] == [
        "chat.start",
        "prompt_processing.start",
        "prompt_processing.end",
        "reasoning.start",
        "reasoning.delta",
        "reasoning.delta",
        "reasoning.end",
        "message.start",
        "message.delta",
        "message.end",
        "chat.end",
    ]
    assert data[-1]["result"]["stats"]["reasoning_output_tokens"] == 2


def test_a_message_with_a_tool_call_is_put_together() -> None:
    block = {"type": "tool_use", "id": "c1", "name": "clock", "input": {}}
    arguments: list[dict[str, Any]] = [
        {"type": "input_json_delta", "partial_json": part} for part in ('{"zone":', '"utc"}')
    ]
    assembly = MessageAssembly()
    start = {"content": [], "usage": {"input_tokens": 7}}
    assembly.add({"type": "message_start", "message": start})
    assembly.add({"type": "content_block_start", "index": 0, "content_block": block})
    for delta in arguments:
        assembly.add({"type": "content_block_delta", "index": 0, "delta": delta})
    end = {"delta": {"stop_reason": "tool_use"}, "usage": {"output_tokens": 5}}
    assembly.add({"type": "message_delta", **end})
    message = assembly.whole()
    assert message["content"][0]["input"] == {"zone": "utc"}
    assert message["stop_reason"] == "tool_use"
    assert message["usage"] == {"input_tokens": 7, "output_tokens": 5}
