"""The two HTTP clients: the openai SDK's for chats, httpx for LM Studio's native routes.

Owns: timeouts and the rule that nothing but the configured server is called: no proxy from the
environment, no redirects, no retries, no cookies. One connection per use: LM Studio drops idle
ones after about 5 s, and reusing one just then fails.
"""

from __future__ import annotations

import asyncio
import ssl
from functools import cache, lru_cache
from http.cookiejar import CookieJar, DefaultCookiePolicy

import httpx
import openai

from chat_client import exchange
from chat_client.settings import NO_KEY, ChatSettings

LOOKUP_TIMEOUT_S = 5.0
KEYS = 32  # A page in which people sign in has a client for each one's key.


@cache
def tls() -> ssl.SSLContext:
    """Made once a process: reading the certificates takes longer than a first token may."""
    return httpx.create_ssl_context(trust_env=False)


def chat_client(settings: ChatSettings) -> openai.AsyncOpenAI:
    """The client for this event loop's answers; each one's request is written down by `exchange`.

    It is kept, as making one costs a question milliseconds; its connections are not.
    """
    return _chat_client(
        asyncio.get_running_loop(),
        settings.base_url,
        settings.api_key,
        settings.chat_connect_timeout_s,
        settings.chat_read_timeout_s,
    )


@lru_cache(maxsize=KEYS)
def _chat_client(
    _: asyncio.AbstractEventLoop, base_url: str, api_key: str, connect_s: float, read_s: float
) -> openai.AsyncOpenAI:
    timeout = openai.Timeout(connect=connect_s, read=read_s, write=30.0, pool=connect_s)
    http_client = openai.DefaultAsyncHttpxClient(
        timeout=timeout,
        trust_env=False,
        follow_redirects=False,
        verify=tls(),
        # Squeezing a stream only holds it up.
        headers={"Accept-Encoding": "identity", "Connection": "close"},
        cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
        event_hooks=exchange.HOOKS,
    )
    return openai.AsyncOpenAI(
        base_url=base_url,
        api_key=api_key,
        max_retries=0,
        timeout=timeout,
        http_client=http_client,
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
