"""Where the model servers are: names, addresses and tokens, as the operator set them.

Owns the reading of these settings. No address ever comes from a request.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from urllib.parse import urlsplit

from pydantic import SecretStr

MAX_SLOTS = 1024
_NAME = re.compile(r"[A-Za-z0-9._-]{1,40}")


@dataclass(frozen=True, slots=True)
class ModelServer:
    """One model server: its name in logs and metrics, its root without /v1, its own token.

    `slots`: predictions of a model at once; 0: as it says itself.
    """

    name: str
    url: str
    token: SecretStr
    slots: int


def server_root(url: str) -> str:
    """A server's root, made of what people write; raises ValueError with what is wrong."""
    url = url.rstrip("/").removesuffix("/v1").rstrip("/")  # what people add to it
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("it must be a URL such as http://host.docker.internal:1234")
    if parts.path or parts.query:
        raise ValueError("it must be the server's root, without a path")
    if parts.username or parts.password:
        raise ValueError(
            "it must not carry a user name or password; use LMSTUDIO_API_TOKEN or UPSTREAM_TOKENS"
        )
    return url


def read_upstreams(text: str) -> dict[str, str]:
    """`desk=http://10.0.0.5:1234,gpu=https://gpu.example` as roots by name; raises ValueError."""
    roots: dict[str, str] = {}
    for name, url in _pairs(text, "desk=http://10.0.0.5:1234"):
        if not _NAME.fullmatch(name):
            raise ValueError(f"the name {name!r} must be made of letters, digits, dots and dashes")
        if name in roots:
            raise ValueError(f"the name {name!r} stands there twice")
        try:
            roots[name] = server_root(url)
        except ValueError as error:
            raise ValueError(f"of {name!r}, {error}") from None
    if len(set(roots.values())) < len(roots):
        raise ValueError("two names stand for one address, whose slots would count twice")
    return roots


def read_slots(text: str, names: Collection[str]) -> dict[str, int]:
    """`gpu=64` as predictions at once by name; raises ValueError."""
    slots: dict[str, int] = {}
    for name, number in _pairs(text, "gpu=64"):
        if not number.isdecimal() or not 1 <= int(number) <= MAX_SLOTS:
            raise ValueError(f"of {name!r}, {number!r} must be a number from 1 to {MAX_SLOTS}")
        slots[name] = int(number)
    _refuse_unknown(slots, names)
    return slots


def read_tokens(text: str, names: Collection[str]) -> dict[str, str]:
    """`gpu=sk-…` as tokens by name; raises ValueError, which never repeats a token."""
    tokens = dict(_pairs(text, "gpu=sk-…", secret=True))
    _refuse_unknown(tokens, names)
    return tokens


def _refuse_unknown(given: Iterable[str], names: Collection[str]) -> None:
    for name in given:
        if name not in names:
            raise ValueError(f"UPSTREAMS has no server named {name!r}")


def _pairs(text: str, example: str, secret: bool = False) -> list[tuple[str, str]]:
    pairs = []
    for part in filter(None, (part.strip() for part in text.split(","))):
        name, equals, value = (word.strip() for word in part.partition("="))
        if not (name and equals and value):
            shown = "each part" if secret else f"the part {part!r}"
            raise ValueError(f"{shown} must look like {example}")
        pairs.append((name, value))
    return pairs
