"""Where each protocol states what a request used, in the odd cases."""

from __future__ import annotations

import orjson
import pytest

from gateway.usage import UsageMeter


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
    begun = {"message": {"usage": {"input_tokens": 1, "cache_read_input_tokens": 12}}}
    meter.see_events(b"data: " + orjson.dumps(begun) + b"\n\n")
    meter.see_events(b'data: {"usage": {"output_tokens": 5}}\n\n')
    assert (meter.usage.prompt_tokens, meter.usage.completion_tokens) == (13, 5)
