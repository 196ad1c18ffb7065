"""Who listens: which of Gradio's streams of answers are open just now.

Owns the count, taken from the requests that open them. Gradio notices a stream that closes, and
not one that was never opened: `endpoints` asks here, so that such a call does not hold its place.
"""

from __future__ import annotations

from collections import Counter
from urllib.parse import parse_qs

from gradio.context import LocalContext
from starlette.types import ASGIApp, Receive, Scope, Send

OF_SESSION, OF_CALL = "/gradio_api/queue/data", "/gradio_api/call/"


class Listeners:
    """The open streams by what they name: a session, or one call."""

    def __init__(self) -> None:
        self._open: Counter[str] = Counter()

    def names_of_this_call(self) -> frozenset[str]:
        """What a stream may name for the call that is being made in this context."""
        request = LocalContext.request.get(None)
        names = (LocalContext.event_id.get(None), request.session_hash if request else None)
        return frozenset(filter(None, names))

    def any_of(self, names: frozenset[str]) -> bool:
        """Whether a stream is open that names one of these."""
        return any(self._open[name] for name in names)

    def note(self, name: str, change: int) -> None:
        self._open[name] += change
        if not self._open[name]:
            del self._open[name]


class NotesListeners:
    """ASGI middleware that counts each stream for as long as it is open."""

    def __init__(self, app: ASGIApp, listeners: Listeners) -> None:
        self._app = app
        self._listeners = listeners

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        name = _named_by(scope) if scope["type"] == "http" else ""
        if not name:
            await self._app(scope, receive, send)
            return
        self._listeners.note(name, 1)
        try:
            await self._app(scope, receive, send)
        finally:
            self._listeners.note(name, -1)


def _named_by(scope: Scope) -> str:
    """The session or the call whose answers a request wants to read; empty for any other."""
    path: str = scope["path"]
    if scope["method"] != "GET":
        return ""
    if path.endswith(OF_SESSION):
        asked: str = scope["query_string"].decode("latin-1")
        return parse_qs(asked).get("session_hash", [""])[0]
    return path.rpartition("/")[2] if OF_CALL in path else ""
