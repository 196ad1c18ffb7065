"""The form of a key: `lk-<public id>-<secret><checksum>`.

Owns making, reading and digesting a key as text. It stores nothing. The form is fixed so that
anything else is refused before a table or a database is asked (the class of CVE-2026-42208), and
the checksum lets scanners and typing errors be told from keys without a look-up.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
import string
import zlib
from typing import NamedTuple

ALPHABET = string.digits + string.ascii_uppercase + string.ascii_lowercase
PUBLIC_ID_CHARS = 10
SECRET_BYTES = 32
SECRET_CHARS = 43  # ceil(256 / log2(62))
CHECKSUM_CHARS = 6  # ceil(32 / log2(62))
KEY_CHARS = len("lk-") + PUBLIC_ID_CHARS + len("-") + SECRET_CHARS + CHECKSUM_CHARS
_FORM = re.compile(
    rf"lk-([0-9A-Za-z]{{{PUBLIC_ID_CHARS}}})-([0-9A-Za-z]{{{SECRET_CHARS}}})"
    rf"([0-9A-Za-z]{{{CHECKSUM_CHARS}}})"
)


# LM Studio's own form of a token: the only one that its SDKs take.
SDK_PUBLIC_CHARS, SDK_SECRET_CHARS = 8, 20
SDK_TOKEN_CHARS = len("sk-lm-") + SDK_PUBLIC_CHARS + len(":") + SDK_SECRET_CHARS
_SDK_FORM = re.compile(
    rf"sk-lm-([0-9A-Za-z]{{{SDK_PUBLIC_CHARS}}}):[0-9A-Za-z]{{{SDK_SECRET_CHARS}}}"
)


class KeyText(NamedTuple):
    """A key as its owner holds it. `text` is secret; `public_id` may be shown and logged."""

    text: str
    public_id: str


def make_key() -> KeyText:
    """A new random key: 256 secret bits from the operating system."""
    public_id = "".join(secrets.choice(ALPHABET) for _ in range(PUBLIC_ID_CHARS))
    secret = _base62(int.from_bytes(secrets.token_bytes(SECRET_BYTES)), SECRET_CHARS)
    stem = f"lk-{public_id}-{secret}"
    return KeyText(stem + _checksum(stem), public_id)


def read_key(text: str) -> KeyText | None:
    """The key in `text`, or None when its form or checksum is wrong."""
    match = _FORM.fullmatch(text) if len(text) == KEY_CHARS else None
    if match is None or _checksum(text[:-CHECKSUM_CHARS]) != match[3]:
        return None
    return KeyText(text, match[1])


def digest(key: KeyText, pepper: bytes) -> bytes:
    """HMAC-SHA-256 of the key, 32 bytes: what is stored instead of the key.

    A fast digest is safe here because the key holds 256 random bits; the pepper keeps a stolen
    database useless without the data folder.
    """
    return hmac.new(pepper, key.text.encode(), hashlib.sha256).digest()


def sdk_token(public_id: str, key_digest: bytes, pepper: bytes) -> str:
    """The same key in the form of LM Studio's tokens, which the `lmstudio` SDKs insist on.

    Its secret (119 bits) follows from the key's digest and the pepper, under a label of its own:
    nothing more is stored, and it ends with the key.
    """
    whole = hmac.new(pepper, b"lmstudio sdk token\0" + key_digest, hashlib.sha256).digest()
    secret = int.from_bytes(whole) % len(ALPHABET) ** SDK_SECRET_CHARS
    return f"sk-lm-{public_id[:SDK_PUBLIC_CHARS]}:{_base62(secret, SDK_SECRET_CHARS)}"


def read_sdk_token(text: str) -> str | None:
    """The beginning of the key's public id in a token of that form, or None."""
    match = _SDK_FORM.fullmatch(text) if len(text) == SDK_TOKEN_CHARS else None
    return match[1] if match else None


def _checksum(stem: str) -> str:
    return _base62(zlib.crc32(stem.encode()), CHECKSUM_CHARS)


def _base62(number: int, width: int) -> str:
    digits = ""
    for _ in range(width):
        number, remainder = divmod(number, len(ALPHABET))
        digits = ALPHABET[remainder] + digits
    return digits
