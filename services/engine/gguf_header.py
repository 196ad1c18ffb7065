"""Reads the header of a GGUF file: its key-value pairs and the list of its tensors.

The `gguf` package has a reader, but it makes an array of every word of the vocabulary: most of a
minute and 700 MB for a model with 150,000 of them. Here the long lists are stepped over. Format:
https://github.com/ggml-org/ggml/blob/master/docs/gguf.md, little-endian, versions 2 and 3.
"""

from __future__ import annotations

import mmap
import struct
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

from gguf.constants import GGML_QUANT_SIZES, GGMLQuantizationType
from gguf.constants import GGUFValueType as Kind

MAGIC = b"GGUF"
VERSIONS = (2, 3)
# Longer lists (a vocabulary) are left out; per-layer lists are kept.
LONGEST_LIST = 512
FORMATS = {
    Kind.UINT8: "B",
    Kind.INT8: "b",
    Kind.UINT16: "H",
    Kind.INT16: "h",
    Kind.UINT32: "I",
    Kind.INT32: "i",
    Kind.FLOAT32: "f",
    Kind.BOOL: "?",
    Kind.UINT64: "Q",
    Kind.INT64: "q",
    Kind.FLOAT64: "d",
}


class HeaderError(Exception):
    """The file is not GGUF, or ends before it should."""


@dataclass(frozen=True, slots=True)
class Header:
    """`values` without the long lists; `parameters` counts the numbers in all tensors."""

    values: dict[str, Any]
    parameters: int


def read_header(path: Path) -> Header:
    """Raises HeaderError, and OSError when the file cannot be read."""
    with path.open("rb") as file:
        if file.read(4) != MAGIC:
            raise HeaderError("it does not begin with GGUF")
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            try:
                return _read(_Cursor(data))
            except (struct.error, UnicodeDecodeError, ValueError, OverflowError) as error:
                raise HeaderError(f"its header is damaged or cut off: {error}") from error


class _Cursor:
    """A place in the file that moves on with each value read."""

    def __init__(self, data: mmap.mmap) -> None:
        self.data = data
        self.at = 4

    def number(self, form: str) -> Any:
        """One number in `struct`'s format."""
        (value,) = struct.unpack_from("<" + form, self.data, self.at)
        self.at += struct.calcsize("<" + form)
        return value

    def text(self) -> str:
        size = self.number("Q")
        raw = self.data[self.at : self.at + size]
        if len(raw) < size:
            raise ValueError("a text is cut off")
        self.at += size
        return raw.decode()

    def value(self, kind: Kind) -> Any:
        """One value, None for a list that was stepped over."""
        if kind is Kind.STRING:
            return self.text()
        return self._list() if kind is Kind.ARRAY else self.number(FORMATS[kind])

    def _list(self) -> list[Any] | None:
        kind, count = Kind(self.number("I")), self.number("Q")
        if count <= LONGEST_LIST:
            return [self.value(kind) for _ in range(count)]
        if kind is Kind.STRING:
            self._skip_texts(count)
        elif kind is Kind.ARRAY:
            raise ValueError("a list of so many lists is no model's")
        else:
            self.at += count * struct.calcsize("<" + FORMATS[kind])
        return None

    def _skip_texts(self, count: int) -> None:
        unpack, data, at = struct.Struct("<Q").unpack_from, self.data, self.at
        for _ in range(count):
            at += 8 + unpack(data, at)[0]
        self.at = at


def _read(cursor: _Cursor) -> Header:
    version = cursor.number("I")
    if version not in VERSIONS:
        raise ValueError(f"version {version} of GGUF is not known")
    tensors, pairs = cursor.number("Q"), cursor.number("Q")
    values = {}
    for _ in range(pairs):
        name = cursor.text()
        values[name] = cursor.value(Kind(cursor.number("I")))
    parameters, end = _read_tensors(cursor, tensors)
    alignment = int(values.get("general.alignment", 32))
    start = -(-cursor.at // alignment) * alignment
    if start + end > len(cursor.data):
        missing = start + end - len(cursor.data)
        raise ValueError(f"the last {missing:,} bytes are missing")
    return Header(values, parameters)


def _read_tensors(cursor: _Cursor, count: int) -> tuple[int, int]:
    """How many numbers all tensors have, and where the last one ends in the data."""
    parameters, end = 0, 0
    for _ in range(count):
        cursor.text()
        shape = [cursor.number("Q") for _ in range(cursor.number("I"))]
        kind, offset = cursor.number("I"), cursor.number("Q")
        block, size = GGML_QUANT_SIZES.get(GGMLQuantizationType(kind), (1, 0))
        parameters += prod(shape)
        end = max(end, offset + prod(shape) // block * size)
    return parameters, end
