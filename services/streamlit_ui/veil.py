"""Hides addresses and keys in what the page itself says, for screens that a room can see.

Owns: what counts as one. A model's words are not touched.
"""

from __future__ import annotations

import re

DOTS = "•••"
ADDRESS = re.compile(r"(https?://)[^\s/`'\")\]]+")
BARE = re.compile(
    r"\b(?:\d{1,3}(?:\.\d{1,3}){3}|[\w-]+(?:\.[\w-]+)*\.(?:internal|local|lan)|localhost)(?::\d+)?\b"
)
KEY = re.compile(r"\b(?:lk|sk)-[\w-]{6,}")


def veiled(text: str) -> str:
    """The text with hosts and keys as dots."""
    return KEY.sub(DOTS, BARE.sub(DOTS, ADDRESS.sub(rf"\1{DOTS}", text)))
