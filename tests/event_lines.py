"""Lines of a stream of server-sent events, as the HTML standard counts them.

Owns the cutting of an answer at line feeds. httpx's `iter_lines` is not used for events: it also
cuts at characters such as U+0085 and U+2028, which a model may write inside an event.
"""

from __future__ import annotations

from collections.abc import Iterator

import httpx


def event_lines(answer: httpx.Response) -> Iterator[str]:
    """The lines of a streamed answer as they come, without their ends."""
    kept = b""
    for piece in answer.iter_bytes():
        *lines, kept = (kept + piece).split(b"\n")
        for line in lines:
            yield line.removesuffix(b"\r").decode()
    if kept:
        yield kept.decode()
