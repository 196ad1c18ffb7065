"""Writes GGUF files with random weights for the engine's tests.

They say nonsense, but llama.cpp loads and runs them like any model; a larger one with a long
context keeps llama.cpp at work for as long as a test needs.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from gguf import GGMLQuantizationType as Kind
from gguf import GGUFWriter
from gguf.quants import quantize

SPECIALS = ["<|im_start|>", "<|im_end|>", "<|pad|>"]
MERGES = ["h e", "l l", "t h"]
TEMPLATE = (
    "{% for m in messages %}{{'<|im_start|>' + m['role'] + '\n' + m['content'] + '<|im_end|>\n'}}"
    "{% endfor %}{% if add_generation_prompt %}{{'<|im_start|>assistant\n'}}{% endif %}"
)


def write_model(
    path: Path, width: int = 64, layers: int = 2, context: int = 1024, pooling: int | None = None
) -> Path:
    """A Llama of random 16-bit weights with byte tokens; with `pooling` an embedding model."""
    tokens = [*_byte_tokens(), *SPECIALS, *(merge.replace(" ", "") for merge in MERGES)]
    writer = GGUFWriter(path, "llama")
    writer.add_name("Random Llama")
    writer.add_context_length(context)
    writer.add_embedding_length(width)
    writer.add_block_count(layers)
    writer.add_feed_forward_length(2 * width)
    writer.add_head_count(4)
    writer.add_head_count_kv(4)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_dimension_count(width // 4)
    writer.add_vocab_size(len(tokens))
    writer.add_file_type(1)
    if pooling is not None:
        writer.add_uint32("llama.pooling_type", pooling)
    _add_tokenizer(writer, tokens)
    _add_weights(writer, len(tokens), width, layers)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def _byte_tokens() -> list[str]:
    """The 256 characters that stand for bytes in a byte-level BPE (GPT-2's)."""
    shown = [*range(33, 127), *range(161, 173), *range(174, 256)]
    hidden = [byte for byte in range(256) if byte not in shown]
    names = {byte: chr(byte) for byte in shown}
    names |= {byte: chr(256 + place) for place, byte in enumerate(hidden)}
    return [names[byte] for byte in range(256)]


def _add_tokenizer(writer: GGUFWriter, tokens: list[str]) -> None:
    control, normal = 3, 1
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("gpt-2")
    writer.add_token_list(tokens)
    writer.add_token_types([control if token in SPECIALS else normal for token in tokens])
    writer.add_token_merges(MERGES)
    writer.add_bos_token_id(tokens.index("<|im_start|>"))
    writer.add_eos_token_id(tokens.index("<|im_end|>"))
    writer.add_pad_token_id(tokens.index("<|pad|>"))
    writer.add_add_bos_token(False)
    writer.add_chat_template(TEMPLATE)


def _add_weights(writer: GGUFWriter, vocabulary: int, width: int, layers: int) -> None:
    random = np.random.default_rng(101)

    def matrix(name: str, rows: int, columns: int, never: int | None = None) -> None:
        data = random.normal(0, 0.1, (rows, columns)).astype(np.float32)
        if never is not None:
            data[never] = 0
        writer.add_tensor(f"{name}.weight", quantize(data, Kind.F16), raw_dtype=Kind.F16)

    # A middling logit is never among the 40 likeliest tokens: the answer has no end of its own.
    matrix("token_embd", vocabulary, width, never=256 + SPECIALS.index("<|im_end|>"))
    writer.add_tensor("output_norm.weight", np.ones(width, np.float32))
    for layer in range(layers):
        for name in ("attn_q", "attn_k", "attn_v", "attn_output"):
            matrix(f"blk.{layer}.{name}", width, width)
        matrix(f"blk.{layer}.ffn_gate", 2 * width, width)
        matrix(f"blk.{layer}.ffn_up", 2 * width, width)
        matrix(f"blk.{layer}.ffn_down", width, 2 * width)
        for name in ("attn_norm", "ffn_norm"):
            writer.add_tensor(f"blk.{layer}.{name}.weight", np.ones(width, np.float32))
