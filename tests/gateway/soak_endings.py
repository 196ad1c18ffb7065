"""Every way in which a request of the soak ends: how often, and what the ledger says then.

Owns the table. `soak_upstream` acts a model server's part by an ending's name, `soak_callers` the
caller's.
"""

from __future__ import annotations

from dataclasses import dataclass, field

OK, ERROR_EVENT, LEFT = "200", "error event", "left"


@dataclass(frozen=True)
class Ending:
    """One kind of request. `share` of them all, in parts; `key`: whose it is.

    `outcomes`: for what the caller saw (a status, an error event, or that it left), what the
    ledger may say. An empty one: a request of nobody, which has no row.
    """

    name: str
    share: int
    outcomes: dict[str, tuple[str, ...]] = field(default_factory=dict)
    stream: bool = False
    path: str = "/v1/chat/completions"
    key: str = "main"


def _good(name: str, share: int, path: str, *, stream: bool = False) -> Ending:
    return Ending(name, share, {OK: ("ok",)}, stream=stream, path=path)


def _bad(name: str, share: int, seen: str, outcome: str, *, stream: bool = False) -> Ending:
    return Ending(name, share, {seen: (outcome,)}, stream=stream)


LIMITED = ("rate_limit_exceeded",)
ENDINGS = (
    _good("good-chat", 16, "/v1/chat/completions"),
    _good("good-chat-streamed", 16, "/v1/chat/completions", stream=True),
    _good("good-messages", 4, "/v1/messages"),
    _good("good-messages-streamed", 4, "/v1/messages", stream=True),
    _good("good-responses-streamed", 4, "/v1/responses", stream=True),
    _good("good-embeddings", 4, "/v1/embeddings"),
    _good("good-native-streamed", 4, "/api/v1/chat", stream=True),
    Ending("slow", 6, {OK: ("ok",), "429": LIMITED}, key="crowd"),
    Ending("slow-streamed", 6, {OK: ("ok",), "429": LIMITED}, stream=True, key="crowd"),
    Ending(
        "slow-and-left",
        8,
        {LEFT: ("caller_left", "ok", *LIMITED), OK: ("ok",), "429": LIMITED},
        key="crowd",
    ),
    Ending("left-early", 6, {LEFT: ("caller_left", *LIMITED)}, key="crowd"),
    Ending("left-midway", 6, {LEFT: ("caller_left",)}, stream=True),
    Ending("left-uploading", 4, {LEFT: ("caller_left",)}),
    _bad("dies-before", 4, "502", "model_server_unreachable"),
    _bad("dies-midway", 4, "502", "truncated"),
    Ending(
        "dies-midway-streamed",
        4,
        {ERROR_EVENT: ("truncated",), "502": ("truncated",)},
        stream=True,
    ),
    _bad("cut-silently", 4, ERROR_EVENT, "truncated", stream=True),
    _bad("nonsense", 3, "502", "answer_unreadable"),
    Ending("nonsense-streamed", 3, {ERROR_EVENT: ("answer_unreadable",)}, stream=True),
    _bad("no-http", 3, "502", "model_server_unreachable"),
    _bad("refuses", 3, "400", "invalid_request"),
    _bad("fails", 3, "500", "upstream_error", stream=True),
    _bad("bad-body", 3, "400", "invalid_request"),
    _bad("large-body", 2, "413", "request_too_large"),
    _bad("no-such-model", 3, "404", "model_not_found"),
    Ending("limited", 5, {OK: ("ok",), "429": LIMITED}, key="limited"),
    Ending("no-scope", 2, {"403": ("insufficient_scope",)}, key="reader"),
    Ending("revoked", 3, {"401": (), "429": ()}, key="revoked"),
    Ending("no-key", 3, {"401": ()}, key=""),
)
