"""The pepper: the secret that is mixed into every stored key.

Owns where it comes from: the setting, else a file made once in the data folder. One secret serves
one purpose, so nothing else is derived from it.
"""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from gateway.settings import GatewaySettings

FILE_NAME = "pepper"
PEPPER_BYTES = 32


def load_pepper(settings: GatewaySettings) -> bytes:
    """The pepper's bytes; makes the file on first use (mode 0600)."""
    given = settings.gateway_key_pepper.get_secret_value()
    if given:
        return given.encode()
    path = settings.gateway_data_dir / FILE_NAME
    write_once(path, secrets.token_hex(PEPPER_BYTES))
    return path.read_text().strip().encode()


def write_once(path: Path, text: str) -> None:
    """Writes `text` to `path` unless it exists; two writers at once leave one whole file."""
    path.parent.mkdir(0o700, parents=True, exist_ok=True)
    if path.exists():
        return
    draft = path.with_name(f"{path.name}.{os.getpid()}.new")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text + "\n")
        file.flush()
        os.fsync(file.fileno())
    try:
        os.link(draft, path)  # fails when another process was first: theirs counts
    except FileExistsError:
        pass
    finally:
        draft.unlink()
