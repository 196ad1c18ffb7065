"""Who may call: pages of this service itself and programs, never a page from elsewhere.

Owns the check of the headers Host and Origin on every request. Without it any web page that
somebody opens could point a name of its own at this machine (DNS rebinding) and use the model and
the kept chats through that person's browser. It is no login: see docs/security.md.
"""

from __future__ import annotations

from ipaddress import ip_address
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

# Nobody can buy a name under these, so no page from elsewhere comes under one.
PRIVATE_ENDINGS = (".localhost", ".local", ".internal", ".home.arpa")
ANY = "*"
WRONG_HOST = (
    "Lectern does not serve under this name. Call it by its address, or add the name to "
    "GRADIO_HOSTS and start it again.\n"
)
WRONG_ORIGIN = (
    "Lectern takes no requests from pages of another origin. If that page is meant to call it, add "
    "its host name to GRADIO_HOSTS and start Lectern again.\n"
)


class OwnCallers:
    """ASGI middleware; `hosts` are further host names that the operator has allowed."""

    def __init__(self, app: ASGIApp, hosts: frozenset[str]) -> None:
        self._app = app
        self._hosts = hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or ANY in self._hosts:
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        host, origin = headers.get("host", ""), headers.get("origin")
        if not self._is_own(host):
            await PlainTextResponse(WRONG_HOST, 421)(scope, receive, send)
        elif origin is not None and not self._is_same(origin, host):
            await PlainTextResponse(WRONG_ORIGIN, 403)(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    def _is_own(self, host: str) -> bool:
        name = _name_in(f"//{host}")
        if name is None:
            return False
        return (
            name in self._hosts
            or "." not in name  # a name that only this network knows, or localhost
            or name.endswith(PRIVATE_ENDINGS)
            or _is_address(name)
        )

    def _is_same(self, origin: str, host: str) -> bool:
        name = _name_in(origin)
        if name is None:
            return False
        return urlsplit(origin).netloc.lower() == host.lower() or name in self._hosts


def host_names(text: str) -> frozenset[str]:
    """The names of a setting, separated by commas or spaces."""
    return frozenset(text.replace(",", " ").lower().split())


def _name_in(address: str) -> str | None:
    try:
        name = urlsplit(address).hostname
    except ValueError:
        return None
    return name.rstrip(".") or None if name else None


def _is_address(name: str) -> bool:
    try:
        ip_address(name)
    except ValueError:
        return False
    return True
