"""Makes the 8-bit and 4-bit files of the teaching model from the committed 16-bit one.

    python -m engine.quantize        # into ENGINE_TEACHING_DIR, default: beside the F16 file

Runs when an image is built and when Lectern is set up natively, and takes about a second. Each file
keeps the hash of the F16 file that it was made from, so a second run does nothing. It owns only the
conversion: loading and serving the files is the engine's part.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from gguf import GGMLQuantizationType as Kind
from gguf import GGUFReader, GGUFWriter, LlamaFileType
from gguf.quants import quantize

NAME = "lectern-101"
F16_PATH = Path(__file__).resolve().parent / "model" / f"{NAME}-f16.gguf"
SOURCE_KEY = "lectern.quantized_from.sha256"
REWRITTEN = ("general.architecture", "general.file_type")  # the writer sets its own
# What a file is called, its type in the header, and the type of its matrices.
RECIPES = (
    ("q8_0", LlamaFileType.MOSTLY_Q8_0, Kind.Q8_0),
    ("q4_0", LlamaFileType.MOSTLY_Q4_0, Kind.Q4_0),
)


def quantize_teaching_model(folder: Path) -> None:
    """Puts the teaching model's three files into `folder`; files that are up to date stay.

    Raises FileNotFoundError when the committed F16 file is missing, OSError when the folder
    cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    source_hash = sha256(F16_PATH)
    copy = folder / F16_PATH.name
    if not copy.exists() or sha256(copy) != source_hash:
        with replacing(copy) as part:
            shutil.copyfile(F16_PATH, part)
    for suffix, file_type, kind in RECIPES:
        path = folder / f"{NAME}-{suffix}.gguf"
        if made_from(path) != source_hash:
            with replacing(path) as part:
                write_quantized(part, file_type, kind, source_hash)


def sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A path to write to, which becomes `path` in one step: no reader ever sees half a file."""
    part = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        yield part
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def made_from(path: Path) -> str | None:
    """The hash of the F16 file that `path` was made from; None for a missing or broken file."""
    try:
        field = GGUFReader(path).get_field(SOURCE_KEY)
    except (OSError, ValueError, IndexError, KeyError):
        return None
    return None if field is None else str(field.contents())


def write_quantized(path: Path, file_type: LlamaFileType, kind: Kind, source_hash: str) -> None:
    """Copies the F16 file's header and stores its matrices as `kind`.

    The embedding is also the output matrix and stays at 8 bits: at 4 bits the token probabilities
    would be about twice as far from those of the F16 file (measured as KL divergence), for 0.2 MB.
    """
    source = GGUFReader(F16_PATH)
    writer = GGUFWriter(path, "llama")
    for field in source.fields.values():
        if not field.name.startswith("GGUF.") and field.name not in REWRITTEN:
            element = field.types[-1] if len(field.types) > 1 else None
            writer.add_key_value(field.name, field.contents(), field.types[0], element)
    writer.add_file_type(file_type)
    writer.add_string(SOURCE_KEY, source_hash)
    for tensor in source.tensors:
        weights = np.asarray(tensor.data)
        if weights.ndim == 1:  # norms: tiny, and they stay F32
            writer.add_tensor(tensor.name, weights)
            continue
        target = Kind.Q8_0 if tensor.name == "token_embd.weight" else kind
        packed = quantize(weights.astype(np.float32), target)
        writer.add_tensor(tensor.name, packed, raw_dtype=target)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def main() -> None:
    folder = Path(os.environ.get("ENGINE_TEACHING_DIR") or F16_PATH.parent)
    try:
        quantize_teaching_model(folder)
    except OSError as error:
        sys.exit(f"The teaching model cannot be quantized into {folder}: {error}")
    for path in sorted(folder.glob(f"{NAME}-*.gguf")):
        sys.stderr.write(f"{path.name}: {path.stat().st_size:,} bytes\n")


if __name__ == "__main__":
    main()
