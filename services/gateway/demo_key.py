"""The keys whose text is kept: the demo key, which can be printed again, and the web UIs' own.

Owns their files. They are ordinary keys otherwise: revoke one like any other, and the next call
makes a new one. Whoever reads a file has its key: only the account of the services can.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from gateway.key_form import KeyText, read_key
from gateway.key_store import KeyStore
from gateway.keys import DEFAULT_SCOPES, KeyNotFound, Scope
from gateway.settings import GatewaySettings

log = logging.getLogger(__name__)

FILE_NAME = "demo-key"
NAME = "demo"
UI_NAME = "web-uis"
UI_SCOPES = (Scope.CHAT, Scope.MODELS_READ)  # to keep chats and to chat


def demo_key(store: KeyStore, settings: GatewaySettings) -> str:
    """The active demo key's text; makes the key when it is missing or has ended."""
    return _kept_key(store, settings.gateway_data_dir / FILE_NAME, NAME, DEFAULT_SCOPES)


def make_ui_key(store: KeyStore, settings: GatewaySettings) -> None:
    """Lays the web UIs' key into the file that they read, where one is set.

    All who use these pages share one history: the pages ask nobody who they are. Without the file
    they still chat, so a folder that cannot be written to is a warning.
    """
    path = settings.gateway_ui_key_file
    try:
        if path is not None:
            _kept_key(store, path, UI_NAME, UI_SCOPES)
            _let_see_requests(store, settings.on_loopback)
    except OSError as error:
        log.warning("the web UIs get no key: %s cannot be written (%s)", path, error.strerror)


def _let_see_requests(store: KeyStore, allowed: bool) -> None:
    """Shows the pages everybody's requests only while nobody but this machine can open them."""
    for key in store.unrevoked():
        if key.name == UI_NAME and key.current:
            others = key.scopes - {Scope.REQUESTS_READ}
            scopes = others | {Scope.REQUESTS_READ} if allowed else others
            if scopes != key.scopes:
                store.change(UI_NAME, {"scopes": scopes})


def _kept_key(store: KeyStore, path: Path, name: str, scopes: Sequence[Scope]) -> str:
    now = datetime.now(UTC)
    working = {key.public_id for key in store.unrevoked() if key.state(now) == "active"}
    kept = read_key(path.read_text().strip()) if path.exists() else None
    if kept is not None and kept.public_id in working:
        return kept.text
    draft = path.with_suffix(".new")
    # First the file: a folder that refuses it must not cost a key.
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        made = _made_again(store, name, scopes)
        file.write(made.text + "\n")
    draft.replace(path)
    return made.text


def _made_again(store: KeyStore, name: str, scopes: Sequence[Scope]) -> KeyText:
    """A new key of this name; where the old one's text is lost, its owner gets the new one."""
    try:
        return store.rotate(name, overlap=timedelta())
    except KeyNotFound:
        return store.create(name, tuple(scopes))
