"""Where each protocol states what a request used, in the odd cases."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.usage import UsageMeter, is_usage_only


@pytest.mark.parametrize(
    ("usage", "read", "written", "exact"),
    [
        ({"prompt_tokens": 9, "completion_tokens": 2}, 9, 2, True),
        # LM Studio's prompt cache: the model was given all of it.
        ({"input_tokens": 1, "cache_read_input_tokens": 12, "output_tokens": 3}, 13, 3, True),
        ({"input_tokens": 12, "input_tokens_details": {"cached_tokens": 11}}, 12, 0, True),
        # Embeddings always, and responses to a repeated input: zero is no figure.
        ({"prompt_tokens": 0, "total_tokens": 0}, 100, 0, False),
        ({"input_tokens": 0, "output_tokens": 4}, 100, 4, True),
    ],
)
def test_usage_of_a_whole_answer(
    usage: dict[str, object], read: int, written: int, exact: bool
) -> None:
    meter = UsageMeter(400)
    meter.see_answer({"usage": usage})
    assert (meter.usage.prompt_tokens, meter.usage.completion_tokens) == (read, written)
    assert meter.usage.exact is exact


def test_usage_of_a_streamed_message_that_came_from_the_cache() -> None:
    meter = UsageMeter(400)
    begun: dict[str, Any] = {
        "message": {"usage": {"input_tokens": 1, "cache_read_input_tokens": 12}}
    }
    meter.see_event(begun)
    meter.see_event({"usage": {"output_tokens": 5}})
    assert (meter.usage.prompt_tokens, meter.usage.completion_tokens) == (13, 5)


@pytest.mark.parametrize(
    ("event", "read", "written"),
    [
        ({"choices": [], "usage": {"prompt_tokens": 12, "completion_tokens": 3}}, 12, 3),
        (
            {
                "type": "response.completed",
                "response": {"usage": {"input_tokens": 5, "output_tokens": 7}},
            },
            5,
            7,
        ),
        (
            {
                "type": "chat.end",
                "result": {"stats": {"input_tokens": 9, "total_output_tokens": 12}},
            },
            9,
            12,
        ),
    ],
)
def test_usage_is_read_from_an_event(event: dict[str, Any], read: int, written: int) -> None:
    meter = UsageMeter(400)
    meter.see_event({"choices": [{"delta": {"content": "x"}}]})
    assert (meter.usage.total, meter.usage.exact) == (101, False)
    meter.see_event(event)
    assert (meter.usage.prompt_tokens, meter.usage.completion_tokens) == (read, written)
    assert meter.usage.exact


def test_usage_of_messages_comes_in_two_events() -> None:
    meter = UsageMeter(40)
    begun = {"input_tokens": 9, "output_tokens": 1}
    start: dict[str, Any] = {"type": "message_start", "message": {"usage": begun}}
    delta: dict[str, Any] = {"type": "message_delta", "usage": {"output_tokens": 30}}
    for event in (start, delta):
        meter.see_event(event)
    assert (meter.usage.prompt_tokens, meter.usage.completion_tokens) == (9, 30)


def test_zeros_mean_not_counted() -> None:
    """LM Studio reports no usage for embeddings: the estimate stays and is called one."""
    meter = UsageMeter(400)
    meter.see_answer({"data": [], "usage": {"prompt_tokens": 0, "total_tokens": 0}})
    assert (meter.usage.prompt_tokens, meter.usage.exact) == (100, False)


@pytest.mark.parametrize(
    "answer", [None, [1], {"usage": 3}, {"usage": {"prompt_tokens": "x"}}, {"response": [1]}]
)
def test_nonsense_is_no_usage(answer: Any) -> None:
    meter = UsageMeter(400)
    meter.see_answer(answer)
    if isinstance(answer, dict):
        meter.see_event(answer)
    assert meter.usage.prompt_tokens == 100


def test_only_the_extra_chunk_is_usage_only() -> None:
    used = {"prompt_tokens": 1}
    assert is_usage_only({"choices": [], "usage": used})
    assert not is_usage_only({"choices": [], "usage": None})
    assert not is_usage_only({"choices": [{"delta": {}}], "usage": used})
    assert not is_usage_only({"usage": used})
