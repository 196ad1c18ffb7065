"""What a person reads at the end of a start: addresses, model, key, a `curl` line that works."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping, Sequence

QUESTION = "What is a token?"


def table(rows: Sequence[tuple[str, str]]) -> str:
    """Two columns, the first padded to its widest cell."""
    width = max(len(name) for name, _ in rows)
    return "\n".join(f"  {name:<{width}}   {value}" for name, value in rows)


def curl_line(gateway_url: str, key: str, model: str) -> str:
    """A streamed chat through the gateway; pasted into a shell it works as it is."""
    body = {
        "model": model,
        "stream": True,
        "messages": [{"role": "user", "content": QUESTION}],
    }
    return (
        f"curl -N {gateway_url}/v1/chat/completions "
        f"-H {shlex.quote(f'Authorization: Bearer {key}')} "
        f"-H {shlex.quote('Content-Type: application/json')} "
        f"-d {shlex.quote(json.dumps(body))}"
    )


def summary(urls: Mapping[str, str], model: str, key: str, curl: str) -> str:
    """The whole closing text: the table, and below it the line to paste."""
    rows = [*urls.items(), ("Model", model)]
    if key:
        rows.append(("Demo key", key))
    text = f"\n{table(rows)}\n"
    return f"{text}\n{curl}\n" if curl else text
