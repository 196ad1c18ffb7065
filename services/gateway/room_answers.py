"""What the room's routes say about themselves: their errors for OpenAPI, versions as entity tags.

Owns the error body's schema, `If-Match` and `ETag`. Who may ask is `room_route`'s matter.
"""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Depends, Header, Request

from gateway.error_body import answers
from gateway.errors import BadRequest
from gateway.room_errors import VersionMissing


def errors(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """OpenAPI's account of a route's errors: these, and those that every route here has."""
    return answers(400, 403, *statuses)


def _version_if_given(
    if_match: Annotated[str | None, Header(description="the `ETag` you read, or `*`")] = None,
) -> int | None:
    """The version that `If-Match` names; None for `*` or none."""
    text = (if_match or "*").strip()
    if text == "*":
        return None
    digits = text.removeprefix("W/").strip('"')
    if not (digits.isascii() and digits.isdigit() and len(digits) <= 15):
        raise BadRequest(
            '`If-Match` must be an ETag as it was sent, such as "7".', param="If-Match"
        )
    return int(digits)


def _version_needed(
    request: Request, version: Annotated[int | None, Depends(_version_if_given)]
) -> int | None:
    if "if-match" not in request.headers:
        raise VersionMissing(
            "This could overwrite a change that you have not seen: send the `ETag` that you read "
            "as `If-Match`, or `If-Match: *` to overwrite whatever is there.",
            param="If-Match",
        )
    return version


VersionIfGiven = Annotated[int | None, Depends(_version_if_given)]
VersionNeeded = Annotated[int | None, Depends(_version_needed)]


def etag(version: int) -> str:
    """A version as an entity tag."""
    return f'"{version}"'
