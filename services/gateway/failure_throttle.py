"""Slows down whoever offers bad keys, by client address.

Pure logic with an injected clock. A caller asks only after a key was found bad, so a good key is
never refused, whoever else sits behind the same address. Memory is bounded: the address that has
been quiet for longest is forgotten first.
"""

from __future__ import annotations

import ipaddress
import math
import time
from collections import OrderedDict
from collections.abc import Callable

BURST = 20  # a person with a wrong key in a tool that retries
REFILL_PER_S = 0.5
MAX_ADDRESSES = 10_000


class FailureThrottle:
    """A bucket of failures for each address, refilled steadily."""

    def __init__(
        self,
        burst: int = BURST,
        refill_per_s: float = REFILL_PER_S,
        max_addresses: int = MAX_ADDRESSES,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._burst = burst
        self._refill_per_s = refill_per_s
        self._max_addresses = max_addresses
        self._clock = clock
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()  # failures left, as of

    def failed(self, address: str) -> int:
        """Counts a failure; 0 within the allowance, else whole seconds until the next one is."""
        now = self._clock()
        network = _network(address)
        left, since = self._left.get(network, (float(self._burst), now))
        left = min(self._burst, left + (now - since) * self._refill_per_s)
        wait_s = 0 if left >= 1 else math.ceil((1 - left) / self._refill_per_s)
        # A refused try costs nothing more, or who keeps trying would never be answered again.
        self._left[network] = (left - 1 if left >= 1 else left, now)
        self._left.move_to_end(network)
        if len(self._left) > self._max_addresses:
            self._left.popitem(last=False)
        return wait_s

    def __len__(self) -> int:
        return len(self._left)

    def __repr__(self) -> str:
        return f"<FailureThrottle [{len(self._left)} addresses]>"


def _network(address: str) -> str:
    """What one person holds: an IPv4 address, or the /64 that IPv6 hands to each."""
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return ""  # a Unix socket, or a server that does not say
    if parsed.version == 4:
        return address
    mapped = parsed.ipv4_mapped
    return str(mapped) if mapped else str(ipaddress.ip_network((int(parsed) >> 64 << 64, 64)))
