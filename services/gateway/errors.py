"""What a caller is told when something went wrong, in the shape that the caller's SDK raises.

    GatewayError                 rendered to the caller
    ├── KeyRejected              401  no key, a malformed, unknown, expired or revoked one
    ├── ScopeMissing             403  a good key that may not do this
    ├── BadRequest               400  the body cannot be understood
    ├── BodyTooLarge             413
    ├── RouteUnknown             404 / 405
    ├── RateLimited              429  a limit of the key, or too many wait; says when to try again
    ├── ModelUnknown             404  no such model; names those that exist
    ├── ModelForbidden           403  the key may not use this model
    ├── WaitedTooLong            503  no slot came free in time
    ├── ShuttingDown             503  SIGTERM came; says when to try again
    ├── NoModelServer            503  of several model servers none can be asked right now
    ├── LedgerAway               503  the ledger cannot be written
    ├── LimitsAway               503  the store of the limits does not answer
    ├── NotOffered               501  a route that the model server does not have
    ├── KeysAway                 503  the key database does not answer
    ├── ModelServerAway          502  no connection to the model server, or it died
    ├── ModelServerSilent        504  the model server said nothing for too long
    ├── ModelServerCut           502  the answer ended before it was complete
    ├── ModelServerUnreadable    502  what came is no answer that an SDK can read
    ├── ModelServerError         the model server's own error, folded into the caller's shape
    └── Defect                   500  anything else that was raised, logged

Owns statuses, types, codes, and no envelope: those are `error_shape`'s.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from typing import ClassVar


class Protocol(Enum):
    """Whose wire format a route speaks; it decides the shape of an error."""

    OPENAI = "openai"
    RESPONSES = "responses"
    ANTHROPIC = "anthropic"
    NATIVE = "native"  # LM Studio's own /api/v1


class GatewayError(Exception):
    """An error that is rendered to the caller."""

    status: ClassVar[int] = 500
    type: ClassVar[str] = "api_error"
    code: ClassVar[str | None] = None
    server = ""  # the model server that it is about

    def __init__(self, message: str, *, param: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.param = param


class Defect(GatewayError):
    """A mistake of the gateway; the log has its trace, the caller only this sentence."""

    code = "internal_error"

    def __init__(self) -> None:
        super().__init__("The gateway made a mistake; its log says which.")


class KeyRejected(GatewayError):
    status, type, code = 401, "authentication_error", "invalid_api_key"


class ScopeMissing(GatewayError):
    status, type, code = 403, "permission_error", "insufficient_scope"


class BadRequest(GatewayError):
    status, type, code = 400, "invalid_request_error", "invalid_request"


class BodyTooLarge(GatewayError):
    status, type, code = 413, "invalid_request_error", "request_too_large"


class RouteUnknown(GatewayError):
    status, type, code = 404, "invalid_request_error", "unknown_url"


class MethodRefused(GatewayError):
    status, type, code = 405, "invalid_request_error", "method_not_supported"


class RateLimited(GatewayError):
    """A limit of the key is reached. `kind`: requests, tokens or quota, as OpenAI's types."""

    status, type, code = 429, "requests", "rate_limit_exceeded"

    def __init__(
        self,
        message: str,
        *,
        retry_after_s: int | None,
        kind: str = "requests",
        figures: Sequence[tuple[bytes, bytes]] = (),
    ) -> None:
        """`figures`: headers that say where the limit stands, as an answer has them."""
        super().__init__(message)
        self.retry_after_s = retry_after_s
        self.figures = figures
        self.kind = "insufficient_quota" if kind == "quota" else kind


class ModelUnknown(GatewayError):
    status, type, code = 404, "invalid_request_error", "model_not_found"


class ModelForbidden(GatewayError):
    status, type, code = 403, "permission_error", "model_not_allowed"


class WaitedTooLong(GatewayError):
    status, type, code = 503, "service_unavailable", "queue_timeout"


class ShuttingDown(GatewayError):
    status, type, code = 503, "service_unavailable", "shutting_down"

    def __init__(self, message: str, *, retry_after_s: int) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class NoModelServer(GatewayError):
    status, type, code = 503, "service_unavailable", "no_model_server"

    def __init__(self, message: str, *, retry_after_s: int) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class LedgerAway(GatewayError):
    status, type, code = 503, "service_unavailable", "ledger_unavailable"


class LimitsAway(GatewayError):
    status, type, code = 503, "service_unavailable", "limits_unavailable"


class NotOffered(GatewayError):
    status, type, code = 501, "invalid_request_error", "route_not_supported"


class KeysAway(GatewayError):
    status, type, code = 503, "service_unavailable", "key_database_unavailable"


class ModelServerAway(GatewayError):
    """`died`: it had the request when the connection broke."""

    status, type, code = 502, "upstream_error", "model_server_unreachable"
    died = False


class ModelServerSilent(GatewayError):
    status, type, code = 504, "upstream_error", "model_server_timeout"


class ModelServerCut(GatewayError):
    status, type, code = 502, "upstream_error", "truncated"


class ModelServerUnreadable(GatewayError):
    status, type, code = 502, "upstream_error", "answer_unreadable"


class ModelServerError(GatewayError):
    """An error that the model server answered with; keeps its status, type and code."""

    def __init__(
        self, message: str, status: int, type_: str, code: str | None, param: str | None = None
    ) -> None:
        super().__init__(message, param=param)
        self.own = (status, type_, code)


# The codes that a model server's own error can have in the ledger, the log and the metrics.
_NAMED = frozenset(
    {
        "context_length_exceeded",
        "engine_unreachable",
        "model_crashed",
        "model_not_found",
        "model_server_refused",
        "model_unloaded",
        "no_model_loaded",
    }
)


def status_of(error: GatewayError) -> int:
    """The HTTP status to answer with."""
    return error.own[0] if isinstance(error, ModelServerError) else error.status


def code_of(error: GatewayError) -> str | None:
    """The code that the caller is told."""
    if isinstance(error, ModelServerError):
        return error.own[2]
    quota = isinstance(error, RateLimited) and error.kind == "insufficient_quota"
    return "insufficient_quota" if quota else error.code


def outcome_of(error: GatewayError) -> str:
    """What the ledger, the log and the metrics call it: what its caller is told.

    Model servers have codes without number; those that mean nothing here become one of two.
    """
    code = code_of(error)
    if not isinstance(error, ModelServerError) or code in _NAMED:
        return code or "upstream_error"
    status = status_of(error)
    callers = 400 <= status < 500 and status not in (408, 429)
    return "invalid_request" if callers else "upstream_error"
