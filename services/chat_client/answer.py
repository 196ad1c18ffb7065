"""One streamed answer: asked for through the openai SDK, read, timed, and closed for certain.

Owns: the request, what counts as an end, and that the stream is closed: it is a context manager
here, so leaving the generator in any way closes the upstream connection, which stops the model.
What has come so far is `course`'s.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from typing import Any

import openai
from openai.types.chat import ChatCompletionChunk

from chat_client import diagnosis
from chat_client.connection import chat_client
from chat_client.course import Course
from chat_client.exchange import Exchange, recorded
from chat_client.messages import Finished, Message, Piece
from chat_client.sampling import Sampling
from chat_client.settings import ChatSettings


async def stream_answer(
    settings: ChatSettings,
    model: str,
    messages: Sequence[Message],
    sampling: Sampling,
    record: Exchange | None = None,
) -> AsyncGenerator[Piece, None]:
    """Yields the answer's pieces as they come, and Finished last; raises ChatError.

    Closing the generator or cancelling its task closes the upstream at once, also while the first
    token is still awaited. `record` takes down what goes over the wire, and the numbers so far.
    """
    request = _request(model, messages, sampling)
    course = Course(model)
    if record is not None:
        record.so_far = course.so_far
    try:
        with recorded(record):
            stream = await chat_client(settings).chat.completions.create(**request)
        async with stream:
            await _refuse_plain_json(stream, settings)
            async for chunk in stream:
                for piece in course.take(chunk):
                    yield piece
    except (openai.OpenAIError, ValueError) as error:
        # After the finish chunk the text is complete: how the connection ends no longer matters.
        if course.finish_reason is None:
            raise diagnosis.from_openai(error, settings, started=course.started) from error
    for piece in course.rest():
        yield piece
    if course.finish_reason is None:
        raise diagnosis.cut_off() if course.started else diagnosis.empty_answer()
    yield Finished(course.stats())


def _request(model: str, messages: Sequence[Message], sampling: Sampling) -> dict[str, Any]:
    arguments = sampling.request()
    # Beside its arguments, the SDK sends this as it is. A message among the arguments takes it a
    # walk through the types that messages may have: five milliseconds at the tenth question.
    body = arguments.pop("extra_body", {})
    body["messages"] = [message.on_the_wire() for message in messages]
    return {
        "model": model,
        "messages": [],
        **arguments,
        "stream": True,
        "stream_options": {"include_usage": True},
        "extra_body": body,
    }


async def _refuse_plain_json(
    stream: openai.AsyncStream[ChatCompletionChunk], settings: ChatSettings
) -> None:
    """LM Studio answers a wrong route with 200 and a JSON error, which is no stream at all."""
    response = stream.response
    if "json" in response.headers.get("content-type", ""):
        await response.aread()
        text = diagnosis.error_text(response.json())
        raise diagnosis.from_server(text or "no stream came back", None, settings)
