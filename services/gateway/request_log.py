"""The gateway's log: one JSON object a line on standard error.

Owns the format. What a request's line says is `visit.Visit`'s matter; prompts, answers and keys
never reach a log call.
"""

from __future__ import annotations

import logging
import sys
import time
from datetime import UTC, datetime

import orjson

from gateway.visit import Visit


class JsonLines(logging.Formatter):
    """Formats a record as one line of JSON."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        visit = getattr(record, "visit", None)
        if isinstance(visit, Visit):
            line |= _request_fields(visit)
        line |= getattr(record, "fields", {})
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return orjson.dumps(line, default=str).decode()


def _request_fields(visit: Visit) -> dict[str, object]:
    usage = visit.usage
    return {
        "request_id": visit.request_id,
        "key": visit.key.name if visit.key else "",
        "route": visit.route.path,
        "model": visit.ask.model,
        "status": visit.status,
        "outcome": visit.outcome,
        "queue_ms": round(visit.queue_s * 1000, 1),
        "duration_ms": round((time.monotonic() - visit.began) * 1000, 1),
        "prompt_tokens": usage.prompt_tokens,
        "completion_tokens": usage.completion_tokens,
        "bytes_out": visit.bytes_out,
    }


def start_log(level: int = logging.INFO) -> None:
    """Sends every logger of the process through `JsonLines`."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines())
    logging.basicConfig(level=level, handlers=[handler], force=True)
    logging.getLogger("alembic").setLevel(logging.WARNING)
