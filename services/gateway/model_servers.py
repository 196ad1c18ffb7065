"""Where the model servers are: names, addresses and tokens, as the operator set them.

Owns the reading of these settings. No address ever comes from a request.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from pydantic import SecretStr

_NAME = re.compile(r"[A-Za-z0-9._-]{1,40}")


@dataclass(frozen=True, slots=True)
class ModelServer:
    """One model server: its name in logs and metrics, its root without /v1, its own token."""

    name: str
    url: str
    token: SecretStr


def server_root(url: str) -> str:
    """A server's root, made of what people write; raises ValueError with what is wrong."""
    url = url.rstrip("/").removesuffix("/v1").rstrip("/")  # what people add to it
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("it must be a URL such as http://host.docker.internal:1234")
    if parts.path or parts.query:
        raise ValueError("it must be the server's root, without a path")
    if parts.username or parts.password:
        raise ValueError("it must not carry a user name or password; use LMSTUDIO_API_TOKEN")
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
    return roots


def read_tokens(text: str, names: object) -> dict[str, str]:
    """`gpu=sk-…` as tokens by name; raises ValueError, which never repeats a token."""
    tokens = dict(_pairs(text, "gpu=sk-…", secret=True))
    known = names if isinstance(names, dict) else {}
    for name in tokens:
        if name not in known:
            raise ValueError(f"UPSTREAMS has no server named {name!r}")
    return tokens


def _pairs(text: str, example: str, secret: bool = False) -> list[tuple[str, str]]:
    pairs = []
    for part in filter(None, (part.strip() for part in text.split(","))):
        name, equals, value = (word.strip() for word in part.partition("="))
        if not (name and equals and value):
            shown = "each part" if secret else f"the part {part!r}"
            raise ValueError(f"{shown} must look like {example}")
        pairs.append((name, value))
    return pairs
