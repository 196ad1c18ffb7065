"""What a GGUF file says about itself: name, architecture, quantization, context length, size.

Reads the header with the `gguf` package (the tensors are mapped, not loaded). It decides nothing:
ids and loading are the catalogue's part.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gguf import GGUFReader, LlamaFileType

from engine.errors import EngineError

MAGIC = b"GGUF"


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
    _check_file(path)
    try:
        reader = GGUFReader(path)
    except Exception as error:
        raise EngineError(
            f"{path} begins like a GGUF file but cannot be read ({error}): it is probably cut off. "
            "Fetch or copy it again."
        ) from error
    architecture = _value(reader, "general.architecture", "")
    if not architecture or _value(reader, f"{architecture}.block_count", 0) == 0:
        raise EngineError(f"{path} is a GGUF file but not a language model (no layers in it).")
    return _card(path, reader, architecture)


def _check_file(path: Path) -> None:
    try:
        with path.open("rb") as file:
            magic = file.read(4)
    except FileNotFoundError:
        raise EngineError(f"There is no model file {path}.") from None
    except OSError as error:
        raise EngineError(f"The model file {path} cannot be read: {error.strerror}.") from error
    if magic != MAGIC:
        raise EngineError(
            f"{path} is not a GGUF file (it does not begin with GGUF). "
            "LM Studio and llama.cpp models for this engine end in .gguf."
        )


def _card(path: Path, reader: GGUFReader, arch: str) -> Card:
    def number(key: str, default: int = 0) -> int:
        value = _value(reader, f"{arch}.{key}", default)
        return int(max(value) if isinstance(value, list) else value)

    heads = number("attention.head_count", 1)
    head_size = number("embedding_length") // max(heads, 1)
    key_size = number("attention.key_length", head_size)
    value_size = number("attention.value_length", head_size)
    template = str(_value(reader, "tokenizer.chat_template", ""))
    return Card(
        path=path,
        name=str(_value(reader, "general.name", "")) or path.stem,
        architecture=arch,
        quantization=_quantization(reader, path),
        size_bytes=path.stat().st_size,
        parameters=sum(int(tensor.n_elements) for tensor in reader.tensors),
        context_length=number("context_length", 2048),
        layers=number("block_count"),
        cache_width=number("attention.head_count_kv", heads) * (key_size + value_size),
        embedding=f"{arch}.pooling_type" in reader.fields or "bert" in arch,
        tool_use="tools" in template,
    )


def _value(reader: GGUFReader, key: str, default: Any) -> Any:
    field = reader.get_field(key)
    return default if field is None else field.contents()


def _quantization(reader: GGUFReader, path: Path) -> str:
    """`Q8_0` from the header's file type, else from the file's name."""
    try:
        kind = LlamaFileType(int(_value(reader, "general.file_type", -1))).name
    except ValueError:
        found = re.search(r"(I?Q\d\w*|BF16|F16|F32)", path.stem, re.IGNORECASE)
        return found.group().upper() if found else "unknown"
    return kind.removeprefix("MOSTLY_").removeprefix("ALL_")
