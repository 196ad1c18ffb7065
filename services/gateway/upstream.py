"""The connection to the model server: open, read, abort, release.

Owns the HTTP client (aiohttp, the fastest well-kept one measured) and the translation of its
errors. Nothing else in the gateway names aiohttp. The address comes from the operator's settings
only: redirects and the environment's proxies are ignored, and the caller's key never travels on.
"""

from __future__ import annotations

import aiohttp
from yarl import URL

from gateway.errors import ModelServerAway, ModelServerCut, ModelServerSilent
from gateway.settings import GatewaySettings

# LM Studio's server (Node) closes a connection after 5 s without use; reusing one at that moment
# fails. Staying below makes the race rare, the one retry in `open` covers the rest.
KEEPALIVE_S = 4.0


class Answer:
    """The model server's answer whose head has arrived. End it with `release` or `abort`."""

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self._response = response
        self.status = response.status
        self.headers = response.headers

    async def read(self) -> bytes:
        """The next bytes as they came, b"" at the end; raises `ModelServerCut` or `…Silent`."""
        try:
            return await self._response.content.readany()
        except TimeoutError as error:
            raise ModelServerSilent("The model server stopped talking in mid-answer.") from error
        except aiohttp.ClientError as error:
            raise ModelServerCut("The model server broke off in mid-answer.") from error

    def abort(self) -> None:
        """Closes the connection at once, so that the model server stops working."""
        self._response.close()

    def release(self) -> None:
        """Gives a connection whose answer was read to its end back to the pool."""
        self._response.release()


class Upstream:
    """One model server. Use as an async context manager; `open` per request."""

    def __init__(self, settings: GatewaySettings) -> None:
        self._root = settings.lmstudio_url
        self._token = settings.lmstudio_api_token.get_secret_value()
        self._timeout = aiohttp.ClientTimeout(
            total=None,
            sock_connect=settings.gateway_connect_timeout_s,
            sock_read=settings.gateway_answer_timeout_s,
        )
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Upstream:
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=KEEPALIVE_S),
            timeout=self._timeout,
            auto_decompress=False,  # the bytes are the caller's
            cookie_jar=aiohttp.DummyCookieJar(),  # the client is shared by all callers
            trust_env=False,
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._session is not None:
            await self._session.close()

    async def open(self, method: str, path: str, headers: dict[str, str], body: bytes) -> Answer:
        """Sends a request and waits for the answer's head.

        `path` is encoded already and may carry a query. Raises `ModelServerAway` or `…Silent`.
        """
        try:
            return await self._send(method, path, headers, body)
        except aiohttp.ServerDisconnectedError:
            pass  # a kept connection that was closed meanwhile: nothing was answered, ask again
        except aiohttp.ClientOSError as error:
            if isinstance(error, aiohttp.ClientConnectorError):
                raise _away(error) from error
        except TimeoutError as error:
            raise _silent(error) from error
        except aiohttp.ClientError as error:
            raise _away(error) from error
        try:
            return await self._send(method, path, headers, body)
        except TimeoutError as error:
            raise _silent(error) from error
        except (aiohttp.ClientError, OSError) as error:
            raise _away(error) from error

    async def _send(self, method: str, path: str, headers: dict[str, str], body: bytes) -> Answer:
        if self._session is None:
            raise RuntimeError("Upstream is used outside of its context")
        own = {"Authorization": f"Bearer {self._token}"} if self._token else {}
        response = await self._session.request(
            method,
            URL(self._root + path, encoded=True),
            data=body or None,
            headers=headers | own,
            skip_auto_headers=("User-Agent", "Content-Type"),
            allow_redirects=False,
        )
        return Answer(response)


def _away(error: Exception) -> ModelServerAway:
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        reason = "its name cannot be resolved"
    elif isinstance(error, aiohttp.ClientConnectorError):
        reason = "the connection was refused"
    else:
        reason = "the connection broke before an answer came"
    return ModelServerAway(
        f"The model server cannot be reached: {reason}. Is LM Studio's server started, and does it "
        'serve on the local network (the switch "Serve on Local Network")?'
    )


def _silent(error: Exception) -> ModelServerAway | ModelServerSilent:
    if isinstance(error, aiohttp.ConnectionTimeoutError):
        return ModelServerAway(
            "The model server cannot be reached: no connection came about in time. "
            "Does a firewall stand between, or is LMSTUDIO_URL wrong?"
        )
    return ModelServerSilent("The model server did not answer in time.")
