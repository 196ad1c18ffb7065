"""Which models the server offers, for the table and the `curl` line.

LM Studio's own list (`/api/v0/models`) says which are loaded and which only embed; a server
without it answers `/v1/models`.
"""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Sequence
from typing import Any

TIMEOUT_S = 5.0
_no_proxy = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def chat_model(url: str, token: str = "") -> str | None:
    """The id of the model to chat with: a loaded one first; None when there is none."""
    for path in ("/api/v0/models", "/v1/models"):
        entries = _entries(url + path, token)
        if entries:
            return choose(entries)
    return None


def choose(entries: Sequence[Any]) -> str | None:
    """The first loaded chat model of a list, else its first chat model."""
    chat = [
        entry
        for entry in entries
        if isinstance(entry, dict)
        and isinstance(entry.get("id"), str)
        and entry.get("type") not in ("embeddings", "embedding")
    ]
    loaded = [entry for entry in chat if entry.get("state") == "loaded"]
    first = next(iter(loaded or chat), None)
    return None if first is None else str(first["id"])


def _entries(url: str, token: str) -> list[Any]:
    request = urllib.request.Request(url)  # noqa: S310 (the configured model server)
    if token:
        request.add_header("Authorization", f"Bearer {token}")
    try:
        with _no_proxy.open(request, timeout=TIMEOUT_S) as response:
            body = json.load(response)
    except (OSError, ValueError):
        return []
    data = body.get("data") if isinstance(body, dict) else None
    return data if isinstance(data, list) else []
