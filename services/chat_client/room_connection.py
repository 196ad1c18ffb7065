"""How the room in the gateway is asked: one short HTTP call at a time, with the web UIs' key.

Owns: time-outs, the key, and the three ways in which it can go wrong as sentences. A gateway that
is away costs one connection's time-out every few seconds, not one for each call.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Coroutine, Mapping
from typing import Any, TypeVar

import httpx

from chat_client.background import background_loop
from chat_client.connection import tls
from chat_client.errors import ChatError
from chat_client.settings import ChatSettings

CONNECT_S, ANSWER_S = 1.0, 5.0
FILE_S = 30.0  # an import or an export of everything
QUIET_S = 2.0  # after a failure, calls fail at once for so long
NOTHING_KEPT = "The chat goes on, but nothing of it is kept until then."
T = TypeVar("T")


class RoomAway(ChatError):
    """The gateway cannot keep or read anything now; a later call may work again."""


class RoomRefused(ChatError):
    """The gateway understood and said no; `code` is its own word for why."""

    def __init__(self, message: str, code: str, status: int, advice: str = "") -> None:
        super().__init__(message, advice)
        self.code = code
        self.status = status


class RoomStale(RoomRefused):
    """Somebody has changed it since it was read: read it again, then repeat the change."""


def blocking(call: Coroutine[Any, Any, T]) -> T:
    """The result of a coroutine, waited for by plain code outside any event loop."""
    return asyncio.run_coroutine_threadsafe(call, background_loop()).result()


class RoomConnection:
    """Asks the gateway on behalf of one key: the given one, else the web UIs' own."""

    def __init__(self, settings: ChatSettings, key: str = "") -> None:
        self._settings = settings
        self._key = key
        self._failed_at = float("-inf")
        self._failure: RoomAway | None = None

    async def ask(
        self,
        method: str,
        path: str,
        *,
        body: Any = None,
        params: Mapping[str, Any] | None = None,
        version: int | str | None = None,
        content: bytes | None = None,
        timeout_s: float = ANSWER_S,
    ) -> httpx.Response:
        """The answer to one call below `/lectern`; raises RoomAway, RoomRefused or RoomStale.

        `version`: what `If-Match` says, `*` for whatever is there.
        """
        self._refuse_soon_after_a_failure()
        headers = {"Authorization": f"Bearer {self._offered_key()}"}
        if version is not None:
            headers["If-Match"] = "*" if version == "*" else f'"{version}"'
        if content is not None:
            headers["Content-Type"] = "application/json"
        try:
            async with self._client(timeout_s) as client:
                response = await client.request(
                    method,
                    f"/lectern{path}",
                    json=body,
                    params=params,
                    headers=headers,
                    content=content,
                )
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise self._away(
                "The gateway does not answer.",
                f"It keeps the history: start it, or check GATEWAY_URL. {NOTHING_KEPT}",
            ) from error
        if response.is_success and not _of_another_server(response):
            self._failure = None
            return response
        raise self._refusal(response)

    def _client(self, timeout_s: float) -> httpx.AsyncClient:
        return httpx.AsyncClient(
            base_url=self._settings.gateway_url,
            timeout=httpx.Timeout(timeout_s, connect=CONNECT_S),
            trust_env=False,
            follow_redirects=False,
            verify=tls(),
        )

    def _offered_key(self) -> str:
        key = self._key or self._settings.room_key
        if not key:
            raise RoomAway(
                "There is no key for the gateway yet.",
                f"Set GATEWAY_KEY to one (`make key NAME=…`). {NOTHING_KEPT}",
            )
        return key

    def _refuse_soon_after_a_failure(self) -> None:
        if self._failure is not None and time.monotonic() - self._failed_at < QUIET_S:
            raise RoomAway(self._failure.message, self._failure.advice)

    def _away(self, message: str, advice: str) -> RoomAway:
        self._failed_at = time.monotonic()
        self._failure = RoomAway(message, advice)
        return self._failure

    def _refusal(self, response: httpx.Response) -> ChatError:
        message, code = _error_of(response)
        status = response.status_code
        if status in (401, 403):
            return RoomAway(
                "The gateway does not accept the key for the history.",
                f"Set GATEWAY_KEY to a key with the scope chat. {NOTHING_KEPT}",
            )
        if response.is_success:
            advice = f"Check GATEWAY_URL: another server answers there. {NOTHING_KEPT}"
            return self._away("The address of the gateway is not that of a gateway.", advice)
        if status >= 500 or not code:  # not our gateway, or its database is away
            advice = f"Look at its log, and check GATEWAY_URL. {NOTHING_KEPT}"
            return self._away(message or "The gateway cannot keep anything now.", advice)
        kind = RoomStale if status == 412 else RoomRefused
        return kind(message, code, status)


def _of_another_server(response: httpx.Response) -> bool:
    """LM Studio answers any route with 200, and says in the body that it knows no such one."""
    return response.content[:64].lstrip(b"{ \r\n\t").startswith(b'"error"')


def _error_of(response: httpx.Response) -> tuple[str, str]:
    """The sentence and the code in an error's body; empty when it is none of the gateway's."""
    try:
        error = response.json()["error"]
        return str(error["message"]), str(error["code"] or error["type"])
    except (ValueError, KeyError, TypeError):
        return "", ""
