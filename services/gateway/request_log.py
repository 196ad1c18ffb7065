"""The gateway's log: one JSON object a line on standard error.

Owns the format, and the gathering of the requests' lines: a busy gateway writes many at once, since
a system call and a log record for each would cost more than the line. What is known of a request is
`visit.Visit`'s matter; prompts, answers and keys never reach a log call.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import sys
import time

import orjson

from gateway.second_text import second_text
from gateway.visit import Visit

GATHER_S = 0.05


class JsonLines(logging.Formatter):
    """Formats a record as one line of JSON."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, object] = {
            "time": _iso(record.created),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        line |= getattr(record, "fields", {})
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return orjson.dumps(line, default=str).decode()


class RequestLog:
    """A line for each relayed request, written within `GATHER_S` seconds."""

    def __init__(self) -> None:
        self._lines: list[bytes] = []

    def note(self, visit: Visit) -> None:
        """Writes the line of a request that has ended, a moment later; needs the event loop."""
        if not self._lines:
            asyncio.get_running_loop().call_later(GATHER_S, self.flush)
        self._lines.append(orjson.dumps(_line(visit), option=orjson.OPT_APPEND_NEWLINE))

    def flush(self) -> None:
        """Writes what was gathered."""
        lines, self._lines = self._lines, []
        with contextlib.suppress(OSError, ValueError):  # nobody reads standard error any more
            sys.stderr.buffer.write(b"".join(lines))
            sys.stderr.buffer.flush()


def _line(visit: Visit) -> dict[str, object]:
    usage = visit.usage
    return {
        "time": _iso(time.time()),
        "level": "info",
        "logger": "gateway.requests",
        "message": "request",
        "request_id": visit.request_id,
        "key": visit.key.name if visit.key else "",
        "route": visit.route.path,
        "model": visit.ask.model,
        "upstream": visit.server,
        "status": visit.status,
        "outcome": visit.outcome,
        "queue_ms": int(visit.queue_s * 1e4 + 0.5) / 10,
        "duration_ms": int((time.monotonic() - visit.began) * 1e4 + 0.5) / 10,
        "prompt_tokens": usage.prompt_tokens,
        "completion_tokens": usage.completion_tokens,
        "bytes_out": visit.bytes_out,
    }


def _iso(seconds: float) -> str:
    whole, milliseconds = divmod(int(seconds * 1000), 1000)
    return f"{second_text(whole)}.{milliseconds:03d}+00:00"


def start_log(level: int = logging.INFO) -> None:
    """Sends every logger of the process through `JsonLines`."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines())
    logging.basicConfig(level=level, handlers=[handler], force=True)
    logging.getLogger("alembic").setLevel(logging.WARNING)
