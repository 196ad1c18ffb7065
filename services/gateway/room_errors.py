"""What a caller of `/lectern/…` is told when a kept thing cannot be read or changed.

    GatewayError
    ├── NotKept        404  there is no such thing, or it belongs to another key
    ├── Stale          412  it has changed since the caller read it
    ├── VersionMissing 428  a change that could overwrite one needs `If-Match`
    ├── Conflict       409  a name or an id is taken, a state does not allow it
    ├── LimitReached   409  the key keeps as much as it may
    ├── TooLarge       413  one thing is larger than it may be
    └── StorageAway    503  the database does not answer

Owns statuses and codes; `errors` owns the shape.
"""

from __future__ import annotations

from gateway.errors import GatewayError


class NotKept(GatewayError):
    status, type, code = 404, "invalid_request_error", "not_found"


class Stale(GatewayError):
    status, type, code = 412, "invalid_request_error", "stale_version"


class VersionMissing(GatewayError):
    status, type, code = 428, "invalid_request_error", "version_required"


class Conflict(GatewayError):
    status, type, code = 409, "invalid_request_error", "conflict"


class LimitReached(GatewayError):
    status, type, code = 409, "invalid_request_error", "limit_reached"


class TooLarge(GatewayError):
    status, type, code = 413, "invalid_request_error", "too_large"


class StorageAway(GatewayError):
    status, type, code = 503, "service_unavailable", "storage_unavailable"
