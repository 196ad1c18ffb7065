"""What the key in use may do, where the gateway is what chats go to.

Owns: reading the gateway's account of the key, and the sentence for a model that it may not use.
Another server has no such account: then everything is tried.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import httpx

from chat_client.connection import lookup_connection
from chat_client.settings import ChatSettings


@dataclass(frozen=True, slots=True)
class KeyRights:
    """A key's scopes, and the patterns of models it is for (none: all)."""

    name: str
    scopes: frozenset[str]
    models: tuple[str, ...]

    @property
    def may_manage(self) -> bool:
        """Whether it may load and unload models."""
        return "models:manage" in self.scopes

    def refusal(self, model: str) -> str:
        """Why it may not use a model, as a sentence; empty when it may."""
        if "chat" not in self.scopes:
            return f"The key {self.name} is not for chats: its scopes lack chat."
        if not self.models or any(_fits(pattern, model) for pattern in self.models):
            return ""
        return f"The key {self.name} is for other models: {', '.join(self.models)}."


async def ask_rights(client: httpx.AsyncClient) -> KeyRights | None:
    """The rights of the key that this client sends; None where nobody tells."""
    try:
        response = await client.get("/lectern/key")
        body = response.json() if response.status_code == 200 else None
    except (httpx.HTTPError, ValueError):
        return None
    if not isinstance(body, dict) or not isinstance(body.get("scopes"), list):
        return None
    return KeyRights(
        str(body.get("name") or ""),
        frozenset(str(scope) for scope in body["scopes"]),
        tuple(str(pattern) for pattern in body.get("models") or ()),
    )


def _fits(pattern: str, model: str) -> bool:
    """Only `*` is special in a pattern: any characters, also none."""
    return bool(re.fullmatch(".*".join(map(re.escape, pattern.split("*"))), model, re.DOTALL))


async def manage_problem(settings: ChatSettings) -> str:
    """Why the key in use may not keep and unload models, as a sentence; empty when it may."""
    if not settings.llm_url:
        return ""
    async with lookup_connection(settings) as client:
        rights = await ask_rights(client)
    if rights is None or rights.may_manage:
        return ""
    return f"The key {rights.name} may not do this: its scopes lack models:manage."
