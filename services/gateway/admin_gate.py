"""The gate before every admin route: who, how much, and errors in OpenAI's shape.

Owns checking the key before a byte of the body is read, the body's limit, and turning every
refusal (also pydantic's and FastAPI's) into one envelope. It hangs on the route class itself, so
a route added to the router cannot be without it (the class of CVE-2026-35029 and CVE-2026-48710).
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi.routing import APIRoute
from sqlalchemy.exc import SQLAlchemyError
from starlette.requests import ClientDisconnect

from gateway.error_shape import body_of, headers_of
from gateway.errors import (
    BadRequest,
    BodyTooLarge,
    GatewayError,
    KeyRejected,
    KeysAway,
    Protocol,
    status_of,
)
from gateway.key_check import KeyCheck, offered_key
from gateway.keys import (
    ActorEnded,
    GrantRefused,
    Key,
    KeyNameTaken,
    KeyNotFound,
    KeyRefused,
    Scope,
)

MAX_BODY_BYTES = 64 * 1024
Handler = Callable[[Request], Coroutine[Any, Any, Response]]


class NameTaken(GatewayError):
    status, type, code = 409, "invalid_request_error", "key_name_taken"


class NotFound(GatewayError):
    status, type, code = 404, "invalid_request_error", "key_not_found"


class GrantTooWide(GatewayError):
    status, type, code = 403, "permission_error", "grant_refused"


class ShortRequest(Request):
    """A request whose body has a limit."""

    async def body(self) -> bytes:
        if not hasattr(self, "_short_body"):
            self._short_body = await self._read_short()
        return self._short_body

    async def _read_short(self) -> bytes:
        body = b""
        try:
            async for piece in self.stream():
                body += piece
                if len(body) > MAX_BODY_BYTES:
                    raise BodyTooLarge(f"The request's body is larger than {MAX_BODY_BYTES} bytes.")
        except ClientDisconnect:
            raise BadRequest("The request ended before its body had arrived.") from None
        return body


def gated_by(check: KeyCheck, scope: Scope | None = Scope.ADMIN) -> type[APIRoute]:
    """A route class that lets only keys with `scope` pass; None: any key that works."""

    class GatedRoute(APIRoute):
        def get_route_handler(self) -> Handler:
            inner = super().get_route_handler()

            async def handler(request: Request) -> Response:
                try:
                    key = await _asking_key(request, check, scope)
                    short = ShortRequest({**request.scope, "lectern.key": key}, request.receive)
                    await short.body()  # here, because FastAPI would hide why it was refused
                    response = await inner(short)
                except (GatewayError, KeyRefused, RequestValidationError, SQLAlchemyError) as error:
                    response = _answer(_told(error))
                response.headers["Cache-Control"] = "no-store"
                return response

            return handler

    return GatedRoute


async def _asking_key(request: Request, check: KeyCheck, scope: Scope | None) -> Key:
    headers = request.headers
    offered = offered_key(headers.get("authorization", ""), headers.get("x-api-key", ""))
    address = request.client.host if request.client else ""
    return await check.check(offered, address, scope)


def _told(error: Exception) -> GatewayError:
    """The error as the caller is told it."""
    if isinstance(error, GatewayError):
        return error
    if isinstance(error, RequestValidationError):
        return _sentence(error)
    if isinstance(error, SQLAlchemyError):
        return KeysAway("The key database does not answer. Try again in a moment.")
    kinds: dict[type[Exception], type[GatewayError]] = {
        KeyNameTaken: NameTaken,
        KeyNotFound: NotFound,
        GrantRefused: GrantTooWide,
        ActorEnded: KeyRejected,
    }
    return kinds.get(type(error), BadRequest)(str(error))


def _sentence(error: RequestValidationError) -> BadRequest:
    """Names the first field that is wrong, never the value: it may be a secret pasted wrongly."""
    first = error.errors()[0]
    if first["type"] == "json_invalid":
        return BadRequest("The request's body is not JSON.")
    place = ".".join(str(part) for part in first["loc"][1:])
    if not place:
        return BadRequest("The request's body must be a JSON object, sent as application/json.")
    if first["type"] == "extra_forbidden":
        return BadRequest(f"The field {place[:100]!r} is not known here.", param=place[:100])
    return BadRequest(f"The field {place!r} cannot be used: {first['msg']}.", param=place)


def _answer(error: GatewayError) -> JSONResponse:
    return JSONResponse(body_of(error, Protocol.OPENAI), status_of(error), headers_of(error))
