"""Waiting until services answer their health checks.

Polls with a deadline; what to do about a service that does not come up is the caller's business.
"""

from __future__ import annotations

import time
import urllib.request
from collections.abc import Callable, Mapping

POLL_S = 0.1
TIMEOUT_S = 2.0
_no_proxy = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def is_healthy(url: str) -> bool:
    """True when `url` answers 200 within two seconds."""
    try:
        with _no_proxy.open(url, timeout=TIMEOUT_S) as response:
            return bool(response.status == 200)
    except OSError:
        return False


def wait_for(urls: Mapping[str, str], failed: Callable[[], list[str]], limit_s: float) -> list[str]:
    """Waits for every service's URL; returns the names that are not healthy in the end.

    `failed` names services that are known to be lost: there is no use in waiting longer.
    """
    waiting = dict(urls)
    deadline = time.monotonic() + limit_s
    while True:
        waiting = {name: url for name, url in waiting.items() if not is_healthy(url)}
        if not waiting or time.monotonic() > deadline:
            return sorted(waiting)
        lost = sorted(set(failed()) & set(waiting))
        if lost:
            return lost
        time.sleep(POLL_S)
