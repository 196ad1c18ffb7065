"""Which server a person's own programs may ask: the gateway, or the model server past it.

Owns the choice, its words, and with which settings each is asked. The programs' text is
`snippets`'.
"""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import SecretStr

from chat_client.outside_address import gateway_address, outside_address
from chat_client.settings import ChatSettings

VIA_GATEWAY, PAST_GATEWAY = "The gateway", "The model server itself"
UNKNOWN_KEY = "not known"  # stands masked in a program: the gateway always wants a key


@dataclass(frozen=True, slots=True)
class ProgramTarget:
    """A server to ask: its name for a choice, its root for people, and how it is asked."""

    name: str
    address: str
    settings: ChatSettings


def program_targets(settings: ChatSettings, page_host: str = "") -> tuple[ProgramTarget, ...]:
    """The gateway first, and it alone where the chats go through it, too.

    `page_host`: as for `outside_address`.
    """
    gateway, server = gateway_address(settings, page_host), outside_address(settings, page_host)
    key = SecretStr(settings.room_key or UNKNOWN_KEY)
    asked = settings.model_copy(update={"llm_url": gateway, "llm_api_key": key})
    first = ProgramTarget(VIA_GATEWAY, gateway, asked)
    return (first,) if gateway == server else (first, ProgramTarget(PAST_GATEWAY, server, settings))
