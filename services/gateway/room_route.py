"""What every route of the room shares: a key first, a bounded body, errors in OpenAI's shape.

Owns the order of these checks, the version headers and the log line. The room is what lies under
`/lectern/` and belongs to a key. `owner_of` decides who owns.
"""

from __future__ import annotations

import logging
import secrets
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Annotated, Any

import orjson
from fastapi import Depends, Request, Response, Security
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi.routing import APIRoute
from fastapi.security import APIKeyHeader, HTTPBearer
from starlette.exceptions import HTTPException
from starlette.types import Message

from gateway.error_shape import body_of, headers_of
from gateway.errors import (
    BadRequest,
    BodyTooLarge,
    GatewayError,
    Protocol,
    status_of,
)
from gateway.key_check import KeyCheck, offered_key
from gateway.keys import Key, Scope
from gateway.room_limits import MAX_DEPTH

log = logging.getLogger("gateway.requests")
Handler = Callable[[Request], Coroutine[Any, Any, Response]]
PRIVATE = {"Cache-Control": "private, no-store", "X-Content-Type-Options": "nosniff"}


@dataclass(frozen=True, slots=True)
class Body:
    """How a route's body is read."""

    max_bytes: int
    checked: bool


def owner_of(key: Key) -> str:
    """Who owns what this key makes: the person, whose id survives rotation.

    Not the name: whoever gets a revoked name anew must not find another's conversations.
    """
    return key.owner


def room_route(check: KeyCheck, max_body_bytes: int) -> type[APIRoute]:
    """The class of the room's routes: checks the key before anything else is looked at."""

    class RoomRoute(APIRoute):
        def get_route_handler(self) -> Handler:
            handle = super().get_route_handler()
            # A route that names its own bound reads the bytes itself, as JSON of any depth.
            own_limit = (self.openapi_extra or {}).get("x-max-body-bytes")
            body = Body(own_limit or max_body_bytes, checked=own_limit is None)
            path = self.path

            async def handler(request: Request) -> Response:
                return await _answer(request, handle, check, body, path)

            return handler

    return RoomRoute


async def _answer(
    request: Request, handle: Handler, check: KeyCheck, body: Body, path: str
) -> Response:
    """One request to the room, told by one function; whatever happens, one line is logged."""
    request_id = "req_" + secrets.token_hex(12)
    began = time.monotonic()
    line: dict[str, object] = {"request_id": request_id, "route": path, "outcome": "ok"}
    response: Response | None = None
    try:
        key = await _key_of(request, check)
        line["key"] = key.name
        request.state.owner = owner_of(key)
        response = await handle(await _with_bounded_body(request, body))
    except RequestValidationError as error:
        response = _refusal(_bad_request(error), line)
    except GatewayError as error:
        response = _refusal(error, line)
    except HTTPException:  # FastAPI's own, for a body that it cannot read
        response = _refusal(BadRequest("The request's body cannot be understood."), line)
    except BaseException:
        line["outcome"] = "internal_error"
        raise
    finally:
        line["status"] = response.status_code if response else 500
        line["duration_ms"] = round((time.monotonic() - began) * 1000, 1)
        log.info("request", extra={"fields": line})
    response.headers.update({**PRIVATE, "X-Request-Id": request_id})
    return response


async def _key_of(request: Request, check: KeyCheck) -> Key:
    headers = request.headers
    offered = offered_key(headers.get("authorization", ""), headers.get("x-api-key", ""))
    address = request.client.host if request.client else ""
    return await check.check(offered, address, Scope.CHAT)


async def _with_bounded_body(request: Request, body: Body) -> Request:
    """The request with its body read within the bound and looked through."""
    pieces: list[bytes] = []
    size = 0
    async for piece in request.stream():
        pieces.append(piece)
        size += len(piece)
        if size > body.max_bytes:
            raise BodyTooLarge(
                f"The request's body is larger than {body.max_bytes} bytes, the limit here."
            )
    raw = b"".join(pieces)
    if raw and body.checked:
        _check_json(request, raw)

    async def replay() -> Message:
        return {"type": "http.request", "body": raw, "more_body": False}

    return Request(request.scope, replay)


def _check_json(request: Request, raw: bytes) -> None:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json" and not kind.endswith("+json"):
        raise BadRequest("The request's body must be JSON: send `Content-Type: application/json`.")
    try:
        document = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise BadRequest(f"The request's body is not JSON: {error.msg}.") from None
    if depth_of(document) > MAX_DEPTH:
        raise BadRequest(f"The request's JSON is nested deeper than {MAX_DEPTH} levels.")


def depth_of(document: object) -> int:
    """How deep lists and objects are nested; without recursion, whatever came."""
    depth, level = 0, [document]
    while level := [item for item in level if isinstance(item, (dict, list))]:
        depth += 1
        level = [
            inner for item in level for inner in (item.values() if isinstance(item, dict) else item)
        ]
    return depth


def _bad_request(error: RequestValidationError) -> BadRequest:
    """The first fault in one sentence; the value is not repeated."""
    fault = error.errors()[0]
    where = [str(step) for step in fault["loc"][1:]]
    reason = str(fault["msg"]).removeprefix("Value error, ")
    if not where:
        return BadRequest(f"The request's body cannot be used: {reason}.")
    name = ".".join(where)
    return BadRequest(f"`{name}` cannot be used: {reason}.", param=name)


def _refusal(error: GatewayError, line: dict[str, object]) -> JSONResponse:
    line["outcome"] = error.code or error.type
    return JSONResponse(body_of(error, Protocol.OPENAI), status_of(error), headers_of(error))


# The key is checked before dependencies run; these two tell OpenAPI how it is sent.
_bearer = HTTPBearer(auto_error=False, description="`Authorization: Bearer lk-…`")
_x_api_key = APIKeyHeader(name="x-api-key", auto_error=False, description="`x-api-key: lk-…`")


def _owner(
    request: Request,
    _a: Annotated[Any, Security(_bearer)],
    _b: Annotated[Any, Security(_x_api_key)],
) -> str:
    return str(request.state.owner)


Owner = Annotated[str, Depends(_owner)]
