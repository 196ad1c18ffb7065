"""Streamed answers from a server that behaves, and from one that fails in LM Studio's ways."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from contextlib import aclosing

import pytest
from pydantic import SecretStr

from chat_client import (
    ChatError,
    ChatSettings,
    Exchange,
    Finished,
    Image,
    Message,
    Piece,
    Reasoning,
    Sampling,
    Stats,
    Text,
    ToolCall,
    stream_answer,
)
from tests.chat_client.upstream import (
    DONE,
    Cut,
    End,
    Hang,
    Part,
    Pause,
    Upstream,
    chunk,
    event,
    unknown_route,
    upstream,
    usage,
)
from tests.running import free_port, wait_until

QUESTION = [Message("system", "Be brief."), Message("user", "What is a token?")]


@pytest.fixture
def server() -> Iterator[Upstream]:
    with upstream() as running:
        yield running


def settings_for(server: Upstream) -> ChatSettings:
    return ChatSettings(lmstudio_url=server.url)


async def answer(server: Upstream, sampling: Sampling | None = None) -> list[Piece]:
    pieces = stream_answer(settings_for(server), "tiny", QUESTION, sampling or Sampling())
    return [piece async for piece in pieces]


def text_of(pieces: list[Piece]) -> str:
    return "".join(piece.text for piece in pieces if isinstance(piece, Text))


def thought_of(pieces: list[Piece]) -> str:
    return "".join(piece.text for piece in pieces if isinstance(piece, Reasoning))


async def failure(server: Upstream) -> ChatError:
    with pytest.raises(ChatError) as caught:
        await answer(server)
    return caught.value


async def test_an_answer_streams_with_its_numbers(server: Upstream) -> None:
    server.script = lambda _: [
        chunk("A"),
        Pause(0.02),
        chunk(" token"),
        chunk(finish="stop"),
        usage(9, 2),
        DONE,
    ]
    pieces = await answer(server)
    assert text_of(pieces) == "A token"
    last = pieces[-1]
    assert isinstance(last, Finished)
    assert (last.stats.prompt_tokens, last.stats.completion_tokens) == (9, 2)
    assert last.stats.finish_reason == "stop"
    assert last.stats.tokens_per_second is not None
    assert last.stats.tokens_per_second > 0
    assert last.stats.line.startswith("9 tokens in, 2 out · ")
    assert last.stats.line.endswith(" s · ended by itself")


async def test_the_request_says_what_the_person_chose(server: Upstream) -> None:
    await answer(server, Sampling(temperature=0.2, top_p=0.5, max_tokens=64))
    await answer(server, Sampling())
    limited, open_ended = server.requests
    assert (limited["temperature"], limited["top_p"], limited["max_tokens"]) == (0.2, 0.5, 64)
    assert "max_tokens" not in open_ended
    assert limited["stream_options"] == {"include_usage": True}
    assert limited["messages"][0] == {"role": "system", "content": "Be brief."}


@pytest.mark.parametrize("field", ["reasoning_content", "reasoning"])
async def test_reasoning_in_a_field_of_its_own_is_set_apart(server: Upstream, field: str) -> None:
    server.script = lambda _: [
        chunk(**{field: "Let me "}),
        chunk(**{field: "see."}),
        chunk("Yes."),
        chunk(finish="stop"),
        DONE,
    ]
    pieces = await answer(server)
    assert (thought_of(pieces), text_of(pieces)) == ("Let me see.", "Yes.")


async def test_thinking_is_timed_and_its_tokens_are_counted(server: Upstream) -> None:
    counted = {
        "prompt_tokens": 5,
        "completion_tokens": 3,
        "total_tokens": 8,
        "completion_tokens_details": {"reasoning_tokens": 2},
    }
    server.script = lambda _: [
        chunk(reasoning_content="Let me"),
        Pause(0.1),
        chunk("Yes."),
        chunk(finish="stop"),
        event(json.loads(usage(5, 3)[6:]) | {"usage": counted}),
        DONE,
    ]
    last = (await answer(server))[-1]
    assert isinstance(last, Finished)
    assert last.stats.reasoning_tokens == 2
    assert last.stats.reasoning_s is not None
    assert last.stats.duration_s is not None
    assert 0.09 <= last.stats.reasoning_s <= last.stats.duration_s
    assert Stats.from_numbers(last.stats.numbers(), last.stats.model) == last.stats


def call_fragment(arguments: str, **more: object) -> dict[str, object]:
    return {"type": "function", "function": {"arguments": arguments}} | more


async def test_tool_calls_grow_until_they_are_whole(server: Upstream) -> None:
    first = {"name": "clock", "arguments": ""}
    server.script = lambda _: [
        chunk(tool_calls=[call_fragment("", index=0, id="814890118", function=first)]),
        chunk(tool_calls=[call_fragment('{"zone":', index=0)]),
        chunk(tool_calls=[call_fragment('"UTC"}', index=0)]),
        chunk(tool_calls=[call_fragment("{}", index=1, id="2")]),
        chunk(finish="tool_calls"),
        DONE,
    ]
    calls = {call.index: call for call in await answer(server) if isinstance(call, ToolCall)}
    assert calls[0] == ToolCall(0, "814890118", "clock", '{"zone":"UTC"}')
    assert calls[1].arguments == "{}"


async def test_the_last_exchange_is_what_went_over_the_wire(server: Upstream) -> None:
    record = Exchange()
    picture = Image("a.png", "image/png", "data:image/png;base64," + "A" * 5_000, 3_750)
    settings = ChatSettings(llm_url=server.url, llm_api_key=SecretStr("lk-a-secret-key"))
    question = [Message("user", "What is this?", (picture,))]
    pieces = stream_answer(settings, "tiny", question, Sampling(top_k=5), record)
    assert [piece async for piece in pieces]
    assert record.request["top_k"] == 5
    assert record.request["messages"][0]["content"][1]["image_url"]["url"].endswith("characters)")
    assert server.requests[0]["messages"][0]["content"][1]["image_url"]["url"] == picture.data_url
    assert (record.method, record.status) == ("POST", 200)
    assert record.frames.endswith("data: [DONE]\n\n")
    assert record.frames.count("data: ") == 10
    assert "lk-a-secret-key" in server.headers[0]
    assert "lk-a-secret-key" not in record.request_text + record.frames + str(record.headers)


async def test_the_frames_of_a_very_long_answer_are_bounded(server: Upstream) -> None:
    long = [chunk("word " * 200) for _ in range(600)]
    server.script = lambda _: [*long, chunk(finish="stop"), DONE]
    record = Exchange()
    async for _ in stream_answer(settings_for(server), "tiny", QUESTION, Sampling(), record):
        pass
    assert record.truncated
    assert len(record.frames) < 600_000
    assert "bytes left out" in record.frames
    assert record.frames.endswith("data: [DONE]\n\n")


async def test_the_model_that_really_answered_is_told(server: Upstream) -> None:
    server.script = lambda _: [chunk("Hi", model="other"), chunk(finish="stop", model="other")]
    last = (await answer(server))[-1]
    assert isinstance(last, Finished)
    assert last.stats.model == "other"


async def test_without_the_servers_count_the_tokens_are_told_as_an_estimate(
    server: Upstream,
) -> None:
    server.script = lambda _: [chunk("One "), chunk("two"), chunk(finish="stop"), DONE]
    last = (await answer(server))[-1]
    assert isinstance(last, Finished)
    assert last.stats.completion_tokens is None
    assert last.stats.line.startswith("about 2 tokens out · ")


async def test_a_count_that_the_server_sends_on_the_way_is_no_estimate(server: Upstream) -> None:
    server.script = lambda _: [usage(9, 4), chunk("One two "), Hang()]
    record = Exchange()
    pieces = stream_answer(settings_for(server), "tiny", QUESTION, Sampling(), record)
    assert record.so_far() is None
    async with aclosing(pieces):
        assert await anext(pieces) == Text("One two ")
    stats = record.so_far()
    assert stats is not None
    assert stats.line.startswith("9 tokens in, 4 out · first token after ")


async def test_a_finished_answer_survives_a_lost_connection(server: Upstream) -> None:
    server.script = lambda _: [chunk("Whole."), chunk(finish="stop"), Cut()]
    assert text_of(await answer(server)) == "Whole."


@pytest.mark.parametrize("ending", [Cut(), End()])
async def test_an_answer_cut_off_keeps_its_text_and_says_so(server: Upstream, ending: Part) -> None:
    server.script = lambda _: [chunk("Half an"), Pause(0.05), ending]
    pieces = stream_answer(settings_for(server), "tiny", QUESTION, Sampling())
    assert await anext(pieces) == Text("Half an")
    with pytest.raises(ChatError, match="cut off"):
        await anext(pieces)


async def test_an_answer_without_a_word_is_an_error(server: Upstream) -> None:
    server.script = lambda _: [DONE]
    assert "without sending any text" in (await failure(server)).message


@pytest.mark.parametrize(
    "said",
    [
        "Trying to keep the first 900 tokens when context the overflows.",
        "The number of tokens to keep from the initial prompt is greater than the context length",
        "Cannot truncate prompt with n_keep (9) >= n_ctx (4)",
        "Input does not fit in context length. The input has 9 tokens",
        'returned 400: {"error":{"type":"exceed_context_size_error"}}',
        "Context size has been exceeded.",
    ],
)
async def test_a_full_context_is_recognised_in_every_wording(server: Upstream, said: str) -> None:
    server.script = lambda _: [
        chunk("Some"),
        event({"error": {"message": said}, "message": said}, "error"),
    ]
    error = await failure(server)
    assert error.message == "The conversation no longer fits into the model's context."
    assert "new chat" in error.advice


async def test_an_error_that_is_only_text_is_quoted(server: Upstream) -> None:
    server.script = lambda _: [event({"error": "Something odd"}, "error")]
    assert "Something odd" in (await failure(server)).message


@pytest.mark.parametrize(
    ("status", "body", "words"),
    [
        (400, {"error": {"message": "No models loaded. Please load", "code": None}}, "lms load"),
        (401, {"error": {"code": "invalid_api_key", "message": "token"}}, "LMSTUDIO_API_TOKEN"),
        (400, {"error": "The model has crashed without additional information."}, "Load it again"),
        (200, unknown_route("POST", "/v1/chat/completions"), "LMSTUDIO_URL must be"),
        (500, {"error": "Boom"}, '"Boom" (HTTP 500)'),
        (429, {"error": {"message": "Too many requests."}}, '"Too many requests." (HTTP 429)'),
        (500, "<html><body>Oh</body></html>", "The model server failed (HTTP 500)"),
    ],
)
async def test_a_refusal_says_what_to_do(
    server: Upstream, status: int, body: object, words: str
) -> None:
    server.routes["/v1/chat/completions"] = (status, body)
    assert words in str(await failure(server))


async def test_a_refused_connection_names_the_switch() -> None:
    nobody = ChatSettings(lmstudio_url=f"http://127.0.0.1:{free_port()}")
    with pytest.raises(ChatError) as caught:
        await anext(stream_answer(nobody, "tiny", QUESTION, Sampling()))
    assert "refuses connections" in caught.value.message
    assert "lms server start" in caught.value.advice


async def test_an_unknown_host_is_named() -> None:
    nowhere = ChatSettings(lmstudio_url="http://no-such-host.invalid:1234")
    with pytest.raises(ChatError, match=r"no-such-host\.invalid is not known"):
        await anext(stream_answer(nowhere, "tiny", QUESTION, Sampling()))


async def test_silence_ends_at_the_read_timeout(server: Upstream) -> None:
    server.script = lambda _: [Hang()]
    settings = ChatSettings(lmstudio_url=server.url, chat_read_timeout_s=0.2)
    with pytest.raises(ChatError, match=r"sent nothing for 0\.2 seconds"):
        await anext(stream_answer(settings, "tiny", QUESTION, Sampling()))


async def until(condition: Callable[[], bool], what: str) -> None:
    await asyncio.to_thread(wait_until, condition, what)


async def test_closing_the_generator_closes_the_upstream(server: Upstream) -> None:
    server.script = lambda _: [chunk("One"), Hang()]
    async with aclosing(
        stream_answer(settings_for(server), "tiny", QUESTION, Sampling())
    ) as pieces:
        assert await anext(pieces) == Text("One")
        assert server.active == 1
    await until(lambda: server.active == 0 and server.abandoned == 1, "the upstream to close")


async def test_cancelling_before_the_first_token_closes_the_upstream(server: Upstream) -> None:
    server.script = lambda _: [Hang()]
    task = asyncio.create_task(answer(server))
    await until(lambda: server.active == 1, "the request to arrive")
    task.cancel()
    await until(lambda: server.active == 0 and server.abandoned == 1, "the upstream to close")
    with pytest.raises(asyncio.CancelledError):
        await task
