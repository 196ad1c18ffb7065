"""What a program does with LiteLLM as a client; prints one JSON object.

Runs in an environment of its own (LiteLLM wants an older `openai` than the one in use here).
Arguments: the server's address, a key, a model.
"""

from __future__ import annotations

import asyncio
import json
import os
import socket
import sys
from collections.abc import Callable
from typing import Any

os.environ |= {"LITELLM_LOCAL_MODEL_COST_MAP": "True", "LITELLM_TELEMETRY": "False"}
_connect = socket.socket.connect


def connect_at_home(self: socket.socket, address: Any) -> None:
    """It may talk to this machine and to nobody else."""
    if self.family != socket.AF_UNIX and address[0] not in ("127.0.0.1", "::1"):
        print(json.dumps({"called": str(address)}))
        os._exit(1)
    _connect(self, address)


socket.socket.connect = connect_at_home  # type: ignore[assignment,method-assign]

import litellm  # type: ignore[import-not-found]  # noqa: E402  (after the guard)

litellm.suppress_debug_info = True
QUESTION = [{"role": "user", "content": "What is a token?"}]
TOO_LONG = [{"role": "user", "content": "word " * 3000}]


def error_of(call: Callable[..., Any], **options: Any) -> dict[str, Any]:
    """The exception's class and status; a stream fails when it is read."""
    try:
        answer = call(**options)
        if options.get("stream"):
            list(answer)
    except Exception as error:
        return {
            "class": type(error).__name__,
            "status": getattr(error, "status_code", 0),
            "words": str(error),
        }
    return {"class": ""}


async def left_early(options: dict[str, Any]) -> str:
    """An asynchronous stream that is not read to its end."""
    stream = await litellm.acompletion(messages=QUESTION, temperature=0, stream=True, **options)
    text = ""
    async for chunk in stream:
        text += chunk.choices[0].delta.content or ""
        if text:
            break
    await stream.aclose()
    return text


def main(url: str, key: str, model: str) -> dict[str, Any]:
    """Everything once."""
    options: dict[str, Any] = {"model": f"openai/{model}", "api_base": f"{url}/v1", "api_key": key}
    options |= {"max_retries": 0, "num_retries": 0}
    whole = litellm.completion(messages=QUESTION, temperature=0, **options)
    chunks = list(
        litellm.completion(
            messages=QUESTION,
            temperature=0,
            stream=True,
            stream_options={"include_usage": True},
            **options,
        )
    )
    vectors = litellm.embedding(input=["one", "two"], **options).data
    ask = litellm.completion
    nobody = options | {"model": "openai/nobody"}
    return {
        "text": whole.choices[0].message.content,
        "finish": whole.choices[0].finish_reason,
        "written": whole.usage.completion_tokens,
        "pieces": [c.choices[0].delta.content or "" for c in chunks if c.choices],
        "streamed": max(c.usage.completion_tokens for c in chunks if getattr(c, "usage", None)),
        "vectors": [len(vector["embedding"]) for vector in vectors],
        "left": asyncio.run(left_early(options)),
        "wrong_key": error_of(ask, messages=QUESTION, **options | {"api_key": "lk-wrong"}),
        "nobody": error_of(ask, messages=QUESTION, **nobody),
        "too_long": error_of(ask, messages=TOO_LONG, **options),
        "too_long_streamed": error_of(ask, messages=TOO_LONG, stream=True, **options),
        "bad": error_of(ask, messages=QUESTION, response_format={"type": "json_object"}, **options),
    }


if __name__ == "__main__":
    print(json.dumps(main(*sys.argv[1:])))
