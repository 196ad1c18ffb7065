"""The engine's own count of its predictions: what Stop, a reload and a closed tab are judged by."""

from __future__ import annotations

import json
import urllib.request
from typing import Any

from tests.running import Service


def slots(engine: Service) -> dict[str, int]:
    """The engine's own count over all its models."""
    url = f"{engine.url}/engine/slots"
    with urllib.request.urlopen(url, timeout=60) as response:  # noqa: S310 (loopback only)
        models: list[dict[str, Any]] = json.load(response)["models"]
    return {name: sum(m[name] for m in models) for name in ("active", "finished", "cancelled")}
