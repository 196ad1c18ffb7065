"""The table of faults: what a model server does wrong, and what its caller is told then.

Owns one list. A fault is chosen by the model's name, `<fault>/<call>`, so that one gateway can meet
them all at once and each request has a name of its own in the ledger.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import orjson

from tests.fault_upstream import Exchange
from tests.gateway import misbehaviour as does
from tests.gateway.model_answers import ANSWERS, TEXT, ModelAnswer

Behaviour = Callable[[Exchange, ModelAnswer, bool], None]


@dataclass(frozen=True)
class Fault:
    """`status`: of an answer in one piece. `streamed`: the same; None: may have begun with 200.

    `words` match the exception's message; without them the call must succeed. `outcome` stands in
    the ledger, `streamed_outcome` where it differs for a stream.
    """

    name: str
    behave: Behaviour
    outcome: str
    words: str = ""
    status: int = 502
    streamed: int | None = 502
    streamed_outcome: str = ""
    only: str = ""  # "streamed" or "whole"


AWAY, CUT, SILENT = "model_server_unreachable", "truncated", "model_server_timeout"
NONSENSE = "answer_unreadable"
FAULTS = (
    Fault("close-before-headers", does.close_before_headers, AWAY, "broke before an answer came"),
    Fault("reset-before-headers", does.reset_before_headers, AWAY, "broke before an answer came"),
    Fault("half-of-the-headers", does.half_of_the_headers, AWAY, "broke before an answer came"),
    Fault("close-after-headers", does.close_after_headers, CUT, "broke off in mid-answer"),
    Fault("die-midway", does.die_midway, CUT, "broke off in mid-answer", streamed=None),
    Fault(
        "die-in-an-event",
        does.die_in_an_event,
        CUT,
        "broke off in mid-answer",
        streamed=None,
        only="streamed",
    ),
    Fault(
        "hang-before-headers", does.hang_before_headers, SILENT, "did not answer in time", 504, 504
    ),
    Fault("hang-after-headers", does.hang_after_headers, SILENT, "stopped talking", 504, 504),
    Fault("hang-midway", does.hang_midway, SILENT, "stopped talking", 504, None),
    Fault("hang-after-the-end", does.hang_after_the_end, "ok", only="streamed"),
    Fault("slow-drip", does.slow_drip, "ok"),
    Fault(
        "cut-silently",
        does.cut_silently,
        NONSENSE,
        "before it was complete|is not JSON, or not all of it",
        streamed=None,
        streamed_outcome=CUT,
    ),
    Fault(
        "empty",
        does.empty,
        NONSENSE,
        "before it began|is not JSON, or not all of it",
        streamed_outcome=CUT,
    ),
    Fault("nonsense-for-http", does.nonsense_for_http, AWAY, "does not speak HTTP"),
    Fault("nonsense-for-json", does.nonsense_for_json, NONSENSE, "is not JSON", streamed=None),
    Fault(
        "nonsense-for-text", does.nonsense_for_text, NONSENSE, "is not (JSON|text)", streamed=None
    ),
    Fault(
        "nonsense-for-events", does.nonsense_for_events, NONSENSE, "is not text", only="streamed"
    ),
    Fault("page-with-200", does.page_with_200, NONSENSE, "is not JSON"),
    Fault("page-with-500", does.page_with_500, "upstream_error", "without saying why", 500, 500),
    Fault("redirect", does.redirect, "upstream_error", "redirect .302., which is never followed"),
    Fault("error-with-200", does.error_with_200, "no_model_loaded", "No models loaded", 503, 503),
    Fault("error-event-first", does.error_event_first, "upstream_error", "Compute error"),
    Fault(
        "error-event-midway",
        does.error_event_midway,
        "upstream_error",
        "Compute error",
        streamed=None,
        only="streamed",
    ),
    Fault("no-stream", does.no_stream, NONSENSE, "did not answer with a stream", only="streamed"),
    Fault(
        "length-too-small",
        does.length_too_small,
        NONSENSE,
        "before it was complete|is not JSON, or not all of it",
        streamed=None,
        streamed_outcome=CUT,
    ),
    Fault("length-too-large", does.length_too_large, CUT, "broke off in mid-answer", streamed=None),
    Fault("length-of-a-stream", does.length_of_a_stream, "ok", only="streamed"),
    Fault("compressed", does.compressed, NONSENSE, "compressed"),
)
BY_NAME = {fault.name: fault for fault in FAULTS}


def misbehave(exchange: Exchange) -> None:
    """The model server: does what the model's name asks for."""
    document = orjson.loads(exchange.body)
    fault = BY_NAME[document["model"].split("/")[0]]
    answer = ANSWERS[exchange.target]
    fault.behave(exchange, answer, bool(document.get("stream")))


def expected_text(path: str) -> str:
    """What a call brings home when all is well."""
    return "[0.25, 0.5, 0.75]" if path.endswith("/embeddings") else TEXT
