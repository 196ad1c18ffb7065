"""Who is calling: from the headers to a key, or to the error that its caller is told.

Owns where a key may stand in a request, the sentences, and asking the throttle. The same for every
route, relayed or our own.
"""

from __future__ import annotations

from gateway.errors import GatewayError, KeyRejected, KeysAway, ScopeMissing
from gateway.failure_throttle import FailureThrottle
from gateway.key_table import KeysUnavailable, KeyTable
from gateway.keys import Key, Scope


class TooManyFailures(GatewayError):
    """Bad keys came too fast from one address. `retry_after_s` belongs into `Retry-After`."""

    status, type, code = 429, "rate_limit_error", "too_many_failed_keys"

    def __init__(self, retry_after_s: int) -> None:
        super().__init__(
            f"Too many requests with a bad key came from your address. Wait {retry_after_s} s, "
            "then check the key."
        )
        self.retry_after_s = retry_after_s


class KeyCheck:
    """Checks what a caller offers against the keys in memory."""

    def __init__(self, keys: KeyTable, throttle: FailureThrottle) -> None:
        self._keys = keys
        self._throttle = throttle

    async def check(self, offered: str, address: str, scope: Scope | None) -> Key:
        """The working key that was offered, which has `scope`; else raises a `GatewayError`.

        `address` is the client's as the server saw it: a header could be made up.
        """
        if not offered:
            raise KeyRejected(
                "A key is needed: send it as `Authorization: Bearer lk-…` or `x-api-key: lk-…`. "
                "Whoever runs this gateway makes one with `make key NAME=you`."
            )
        try:
            key = await self._keys.find(offered)
        except KeysUnavailable:
            raise KeysAway("Keys cannot be checked right now. Try again in a moment.") from None
        if key is None:
            wait_s = self._throttle.failed(address)
            if wait_s:
                raise TooManyFailures(wait_s)
            raise KeyRejected("This key is not known here, has expired or was revoked.")
        if scope is not None:
            need_scope(key, scope)
        return key


def need_scope(key: Key, scope: Scope) -> None:
    """Raises `ScopeMissing` when the key may not do that."""
    if scope not in key.scopes:
        raise ScopeMissing(f"This key may not do that: it lacks the scope {scope.value!r}.")


def offered_key(authorization: str, x_api_key: str) -> str:
    """The key's text from the two headers that SDKs use, or an empty string."""
    scheme, _, token = authorization.partition(" ")
    return token.strip() if scheme.lower() == "bearer" else x_api_key.strip()
