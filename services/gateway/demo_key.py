"""The demo key: the one key that can be printed again.

Owns its file in the data folder. It is an ordinary key otherwise: revoke it like any other, and
the next call makes a new one.
"""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta

from gateway.key_form import KeyText, read_key
from gateway.key_store import KeyStore
from gateway.keys import KeyNotFound
from gateway.settings import GatewaySettings

FILE_NAME = "demo-key"
NAME = "demo"


def demo_key(store: KeyStore, settings: GatewaySettings) -> str:
    """The active demo key's text; makes the key when it is missing or has ended."""
    path = settings.gateway_data_dir / FILE_NAME
    now = datetime.now(UTC)
    working = {key.public_id for key in store.unrevoked() if key.state(now) == "active"}
    kept = read_key(path.read_text().strip()) if path.exists() else None
    if kept is not None and kept.public_id in working:
        return kept.text
    made = _made_again(store)
    draft = path.with_suffix(".new")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(made.text + "\n")
    draft.replace(path)
    return made.text


def _made_again(store: KeyStore) -> KeyText:
    """A new key named demo; where the old one's text is lost, the same person gets the new one."""
    try:
        return store.rotate(NAME, overlap=timedelta())
    except KeyNotFound:
        return store.create(NAME)
