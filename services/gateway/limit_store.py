"""Which store counts the limits: this process's memory, or a Valkey that gateways share."""

from __future__ import annotations

from gateway.memory_limits import MemoryLimits
from gateway.rate_limits import RateLimits
from gateway.state_urls import MEMORY_LIMITS


def open_limits(url: str) -> RateLimits:
    """The store at `LIMITS_URL`; connects when it is entered, not here."""
    if url == MEMORY_LIMITS:
        return MemoryLimits()
    from gateway.valkey_limits import ValkeyLimits  # its client is loaded only when used

    return ValkeyLimits(url)
