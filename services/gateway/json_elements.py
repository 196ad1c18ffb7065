"""Reads a long JSON file one conversation at a time.

Owns finding the elements. Parsing holds the interpreter: piece by piece, streams of other callers
go on meanwhile, and what was read can be dropped.
"""

from __future__ import annotations

import json
import re
from collections.abc import Generator, Iterator
from typing import Any

from gateway.errors import BadRequest
from gateway.room_route import depth_of

LIST = "conversations"
MAX_ELEMENT_DEPTH = 64
_SPACE = re.compile(r"[ \t\n\r]*")
_HALF = re.compile(r"\\u[dD][89a-fA-F]")
_decoder = json.JSONDecoder()


def elements(raw: bytes) -> Iterator[object]:
    """The items of a list, or of an object's list `conversations`; else the object itself.

    Raises `BadRequest` for what is not JSON.
    """
    try:
        text = raw.decode("utf-8-sig")
        start = _skip(text, 0)
        if text[start : start + 1] == "[":
            end = yield from _items(text, start)
        elif text[start : start + 1] == "{":
            end = yield from _object(text, start)
        else:
            raise BadRequest("The file must be a JSON list or object.")
    except (ValueError, RecursionError):
        raise BadRequest("The file is not JSON in UTF-8, or it is damaged.") from None
    if _skip(text, end) != len(text):
        raise BadRequest("The file goes on after the end of its JSON.")


def _items(text: str, start: int) -> Generator[Any, None, int]:
    """Yields the items of the list at `start`; returns where it ended."""
    at = _skip(text, start + 1)
    if text[at : at + 1] == "]":
        return at + 1
    while True:
        value, at = _value(text, at)
        yield value
        at = _skip(text, at)
        if text[at : at + 1] == "]":
            return at + 1
        at = _skip(text, _expect(text, at, ","))


def _object(text: str, start: int) -> Generator[Any, None, int]:
    """Yields the items of the member `conversations`, or the whole object; returns its end."""
    members: dict[str, Any] = {}
    listed = False
    at = _skip(text, start + 1)
    while text[at : at + 1] != "}":
        if members or listed:
            at = _skip(text, _expect(text, at, ","))
        name, at = _decoder.raw_decode(text, at)
        at = _skip(text, _expect(text, _skip(text, at), ":"))
        if name == LIST and text[at : at + 1] == "[":
            at = yield from _items(text, at)
            listed = True
        else:
            members[name], at = _value(text, at)
        at = _skip(text, at)
    if not listed:
        yield members
    return at + 1


def _value(text: str, at: int) -> tuple[Any, int]:
    value, end = _decoder.raw_decode(text, at)
    if depth_of(value) > MAX_ELEMENT_DEPTH:
        raise BadRequest(f"The file is nested deeper than {MAX_ELEMENT_DEPTH} levels.")
    if _HALF.search(text, at, end):  # half of a character cannot be stored: make it visible
        plain = json.dumps(value, ensure_ascii=False)
        value = json.loads(plain.encode("utf-16", "surrogatepass").decode("utf-16", "replace"))
    return value, end


def _skip(text: str, at: int) -> int:
    match = _SPACE.match(text, at)
    return match.end() if match else at


def _expect(text: str, at: int, sign: str) -> int:
    if text[at : at + 1] != sign:
        raise ValueError(sign)
    return at + 1
