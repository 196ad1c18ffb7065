"""Every SDK that a teammate may use, set up for one gateway.

Owns the clients, and the exception for an answer that only looked whole.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import anthropic
import httpx
import openai


class SilentEnd(Exception):
    """An answer that looked whole and was not."""


@dataclass
class Sdks:
    """Every SDK, set up for one gateway; none of them tries twice by itself."""

    openai: openai.AsyncOpenAI
    anthropic: anthropic.AsyncAnthropic
    native: httpx.AsyncClient


@asynccontextmanager
async def sdks(url: str, key: str) -> AsyncIterator[Sdks]:
    """A proxy of this machine has no part in a talk on loopback."""
    async with (
        openai.DefaultAsyncHttpxClient(trust_env=False) as http,
        anthropic.DefaultAsyncHttpxClient(trust_env=False) as more_http,
        httpx.AsyncClient(
            base_url=url,
            headers={"Authorization": f"Bearer {key}"},
            trust_env=False,
            timeout=60,
        ) as native,
    ):
        yield Sdks(
            openai.AsyncOpenAI(
                base_url=f"{url}/v1", api_key=key, http_client=http, max_retries=0, timeout=60
            ),
            anthropic.AsyncAnthropic(
                base_url=url, api_key=key, http_client=more_http, max_retries=0, timeout=60
            ),
            native,
        )


def whole(text: str, finished: bool) -> str:
    """The text of a stream, when its end was there."""
    if not finished:
        raise SilentEnd(f"the stream ended after {text[:80]!r} as if all were well")
    return text
