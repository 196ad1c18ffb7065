"""Who opens a WebSocket with an `lmstudio` SDK, and who the gateway is to LM Studio.

Owns where a key may stand there, the answer to a first frame, and the identity that replaces the
caller's: the halves of `LMSTUDIO_API_TOKEN`, or a guest's. A key may stand

- in the upgrade's headers, as for every route; `lmstudio.Client("lk-…@host:port")` of Python sends
  it as the user of HTTP's basic authentication,
- in the first frame as `clientPasskey` (JavaScript), or
- there in LM Studio's own form (`apiToken`, `LM_API_TOKEN`): see `key_form.sdk_token`.

A browser's page from elsewhere can open the socket but has none of these: it holds no key, and
there is no cookie.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
import secrets
from collections.abc import Iterable
from typing import Any, NamedTuple

import orjson

from gateway.errors import BadRequest, GatewayError
from gateway.key_check import offered_key
from gateway.keys import Key
from gateway.sdk_frames import read_frame

MAX_ID_CHARS = 256
_LM_STUDIO_TOKEN = re.compile(r"sk-lm-([0-9A-Za-z]{8}):([0-9A-Za-z]{20})")
# Before 1.6 the Python SDK took no token and called itself by a bare UUID; it can read an error
# only as an object, the others only as a text.
_BARE_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
NO_KEY = (
    "A key is needed. In Python: lmstudio.Client('lk-…@host:port'). In JavaScript: new "
    "LMStudioClient({ baseUrl, clientPasskey: 'lk-…' }). As LM_API_TOKEN or apiToken: the token "
    "that GET /lectern/sdk-token gives for the key."
)
SUCCESS = '{"success":true}'


class Introduction(NamedTuple):
    """The first frame of a connection, and the key that came with it or with the headers."""

    identifier: str
    passkey: str
    offered: str


def introduced(text: str, headers: Iterable[tuple[bytes, bytes]]) -> Introduction:
    """Reads a first frame; raises `BadRequest`. Without a key `offered` is empty."""
    document = read_frame(text)
    identifier, passkey = document.get("clientIdentifier"), document.get("clientPasskey")
    if (
        document.get("authVersion") != 1
        or not (isinstance(identifier, str) and isinstance(passkey, str))
        or max(len(identifier), len(passkey)) > MAX_ID_CHARS
    ):
        raise BadRequest("The first frame must have authVersion 1, clientIdentifier, clientPasskey")
    offered = _in_headers(headers) or _in_frame(identifier, passkey)
    return Introduction(identifier, passkey, offered)


def _in_headers(headers: Iterable[tuple[bytes, bytes]]) -> str:
    found = {name.lower(): value.decode("latin-1") for name, value in headers}
    authorization = found.get(b"authorization", "")
    scheme, _, credentials = authorization.partition(" ")
    if scheme.lower() == "basic":
        return _basic(credentials)
    return offered_key(authorization, found.get(b"x-api-key", ""))


def _basic(credentials: str) -> str:
    """The user or the password, whichever is a key."""
    try:
        pair = base64.b64decode(credentials, validate=True).decode("latin-1")
    except (binascii.Error, ValueError):
        return ""
    return next((part for part in pair.split(":") if part.startswith("lk-")), "")


def _in_frame(identifier: str, passkey: str) -> str:
    token = f"sk-lm-{identifier}:{passkey}"
    if passkey.startswith("lk-"):
        return passkey
    return token if _LM_STUDIO_TOKEN.fullmatch(token) else ""


def failure(error: GatewayError, identifier: str) -> str:
    """The answer that makes an SDK raise its own exception."""
    bare = _BARE_UUID.fullmatch(identifier)
    told: Any = {"title": error.message} if bare else error.message
    return orjson.dumps({"success": False, "error": told}).decode()


class OwnIdentity:
    """Who the gateway is to LM Studio, for each caller."""

    def __init__(self, token: str) -> None:
        self._token = _LM_STUDIO_TOKEN.fullmatch(token)
        self._secret = secrets.token_bytes(32)

    def first_frame(self, key: Key, introduction: Introduction) -> str:
        """The first frame towards LM Studio.

        What LM Studio keeps for a client (files) belongs to all sockets of one identity, so guests
        are told apart as they introduced themselves; a token makes one client of all callers.
        """
        if self._token is not None:
            identifier, passkey = self._token.groups()
        else:
            who = "\0".join((key.owner, introduction.identifier, introduction.passkey))
            mark = hmac.new(self._secret, who.encode(), hashlib.sha256).hexdigest()
            identifier, passkey = f"guest:{mark[:32]}", mark[32:]
        frame = {"authVersion": 1, "clientIdentifier": identifier, "clientPasskey": passkey}
        return orjson.dumps(frame).decode()
