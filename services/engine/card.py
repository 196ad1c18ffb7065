"""What a GGUF file says about itself: name, architecture, quantization, context length, size.

Picks the facts out of the header that `gguf_header` reads. It decides nothing: ids and loading are
the catalogue's part.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gguf.constants import LlamaFileType

from engine.errors import EngineError
from engine.gguf_header import Header, HeaderError, read_header


@dataclass(frozen=True, slots=True)
class Card:
    """A model file's own facts. Lengths in tokens, sizes in bytes."""

    path: Path
    name: str
    architecture: str
    quantization: str
    size_bytes: int
    parameters: int
    context_length: int
    layers: int
    cache_width: int
    embedding: bool
    tool_use: bool

    @property
    def bits_per_weight(self) -> int:
        """The number in the quantization's name: 4 for Q4_K_M, 16 for F16."""
        found = re.search(r"\d+", self.quantization)
        return int(found.group()) if found else 16

    @property
    def parameters_text(self) -> str:
        """`4.7M`, `1.2B`, `8B`: as LM Studio's `params_string`."""
        unit, letter = (1e9, "B") if self.parameters >= 1e9 else (1e6, "M")
        amount = self.parameters / unit
        text = f"{amount:.0f}" if amount >= 100 else f"{amount:.1f}".removesuffix(".0")
        return text + letter

    def cache_bytes(self, tokens: int) -> int:
        """KV cache of `tokens` tokens: keys and values as 16-bit floats in every layer."""
        return tokens * self.layers * self.cache_width * 2


def read_card(path: Path) -> Card:
    """Reads the header of a GGUF file; raises EngineError when it is not a model."""
    try:
        header = read_header(path)
    except FileNotFoundError:
        raise EngineError(f"There is no model file {path}.") from None
    except OSError as error:
        raise EngineError(f"The model file {path} cannot be read: {error.strerror}.") from error
    except HeaderError as error:
        raise EngineError(
            f"{path} is no complete GGUF file ({error}). Models for this engine end in .gguf; "
            "fetch or copy the file again."
        ) from error
    architecture = str(header.values.get("general.architecture", ""))
    if not header.values.get(f"{architecture}.block_count"):
        raise EngineError(f"{path} is a GGUF file but not a language model (no layers in it).")
    return _card(path, header, architecture)


def _card(path: Path, header: Header, arch: str) -> Card:
    values = header.values

    def number(key: str, default: int = 0) -> int:
        value = values.get(f"{arch}.{key}", default)
        return int(max(value) if isinstance(value, list) else value)

    heads = number("attention.head_count", 1)
    head_size = number("embedding_length") // max(heads, 1)
    key_size = number("attention.key_length", head_size)
    value_size = number("attention.value_length", head_size)
    return Card(
        path=path,
        name=str(values.get("general.name") or path.stem),
        architecture=arch,
        quantization=_quantization(values.get("general.file_type"), path),
        size_bytes=path.stat().st_size,
        parameters=header.parameters,
        context_length=number("context_length", 2048),
        layers=number("block_count"),
        cache_width=number("attention.head_count_kv", heads) * (key_size + value_size),
        embedding=f"{arch}.pooling_type" in values or "bert" in arch,
        tool_use="tools" in str(values.get("tokenizer.chat_template", "")),
    )


def _quantization(file_type: Any, path: Path) -> str:
    """`Q8_0` from the header's file type, else from the file's name."""
    try:
        kind = LlamaFileType(file_type).name
    except ValueError:
        found = re.search(r"(I?Q\d\w*|BF16|F16|F32)", path.stem, re.IGNORECASE)
        return found.group().upper() if found else "unknown"
    return kind.removeprefix("MOSTLY_").removeprefix("ALL_")
