"""The two HTTP clients: the openai SDK's for chats, httpx for LM Studio's native routes.

Owns: timeouts and the rule that nothing but the configured server is called: no proxy from the
environment, no redirects, no retries. One connection per use: LM Studio drops idle ones after
about 5 s, and reusing one just then fails.
"""

from __future__ import annotations

import ssl
from functools import cache

import httpx
import openai

from chat_client.exchange import Exchange
from chat_client.settings import NO_KEY, ChatSettings

LOOKUP_TIMEOUT_S = 5.0


@cache
def tls() -> ssl.SSLContext:
    """Made once a process: reading the certificates takes longer than a first token may."""
    return httpx.create_ssl_context(trust_env=False)


def chat_connection(settings: ChatSettings, record: Exchange | None = None) -> openai.AsyncOpenAI:
    """A client for one answer, written down in `record`; use it as a context manager."""
    timeout = openai.Timeout(
        connect=settings.chat_connect_timeout_s,
        read=settings.chat_read_timeout_s,
        write=30.0,
        pool=settings.chat_connect_timeout_s,
    )
    return openai.AsyncOpenAI(
        base_url=settings.base_url,
        api_key=settings.api_key,
        max_retries=0,
        timeout=timeout,
        http_client=openai.DefaultAsyncHttpxClient(
            timeout=timeout,
            trust_env=False,
            follow_redirects=False,
            verify=tls(),
            headers={"Accept-Encoding": "identity"},  # squeezing a stream only holds it up
            event_hooks=record.hooks() if record else None,
        ),
    )


def lookup_connection(
    settings: ChatSettings, timeout_s: float = LOOKUP_TIMEOUT_S
) -> httpx.AsyncClient:
    """A client for questions to the server's root; use it as a context manager."""
    key = settings.api_key
    return httpx.AsyncClient(
        base_url=settings.root_url,
        headers={} if key == NO_KEY else {"Authorization": f"Bearer {key}"},
        timeout=httpx.Timeout(timeout_s, connect=settings.chat_connect_timeout_s),
        trust_env=False,
        follow_redirects=False,
        verify=tls(),
    )
