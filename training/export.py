"""Writes a trained model as a GGUF file, the format that llama.cpp and LM Studio load.

    python -m training.export training/out/lectern-101.pt services/engine/model/lectern-101-f16.gguf

Matrices are stored as F16, vectors as F32. Three details decide whether llama.cpp computes what
PyTorch computed: the order of the query and key rows, the tokenizer's merges, and the absent output
matrix (it is the embedding). `tests/training/test_export.py` holds both against each other.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import gguf
import numpy as np
import torch
from tokenizers import Tokenizer

from training.model import Config, Llama
from training.tokenizer import CHAT_TEMPLATE, END_ID, PAD_ID, SPECIAL

DESCRIPTION = (
    "A tiny teaching model: it knows the 101 of large language models, LM Studio and Lectern, and "
    "tells small stories. It is not a general assistant. Trained from nothing on a corpus written "
    "for it; code, corpus and measured limits are in Lectern's folder `training`."
)


def to_llama_cpp(weight: np.ndarray, heads: int) -> np.ndarray:
    """Reorders the rows of a query or key matrix: pairs (i, i + K/2) become (2i, 2i + 1).

    Forgetting this raises no error anywhere: the file loads and the model talks nonsense.
    """
    rows, columns = weight.shape
    pairs = weight.reshape(heads, 2, rows // heads // 2, columns)
    return pairs.swapaxes(1, 2).reshape(rows, columns)


def tensors(model: Llama) -> dict[str, np.ndarray]:
    """Every weight under the name that llama.cpp gives it."""
    named = {"token_embd.weight": model.embedding.weight, "output_norm.weight": model.norm.weight}
    result = {name: weight.detach().float().numpy() for name, weight in named.items()}
    for n, block in enumerate(model.blocks):
        state = {name: w.detach().float().numpy() for name, w in block.state_dict().items()}
        q, k, v = np.split(state["qkv.weight"], 3)
        gate, up = np.split(state["gate_up.weight"], 2)
        parts = {
            "attn_norm": state["attention_norm.weight"],
            "attn_q": to_llama_cpp(q, model.config.heads),
            "attn_k": to_llama_cpp(k, model.config.heads),
            "attn_v": v,
            "attn_output": state["out.weight"],
            "ffn_norm": state["ffn_norm.weight"],
            "ffn_gate": gate,
            "ffn_up": up,
            "ffn_down": state["down.weight"],
        }
        result |= {f"blk.{n}.{part}.weight": weight for part, weight in parts.items()}
    return result


def add_sizes(writer: gguf.GGUFWriter, config: Config) -> None:
    writer.add_context_length(config.context)
    writer.add_embedding_length(config.dim)
    writer.add_block_count(config.layers)
    writer.add_feed_forward_length(config.hidden)
    writer.add_head_count(config.heads)
    writer.add_head_count_kv(config.heads)
    writer.add_layer_norm_rms_eps(config.norm_eps)
    writer.add_rope_freq_base(config.rope_base)
    writer.add_rope_dimension_count(config.head_dim)
    writer.add_vocab_size(config.vocab)


def add_tokenizer(writer: gguf.GGUFWriter, tokenizer: Tokenizer) -> None:
    model = json.loads(tokenizer.to_str())["model"]
    tokens = sorted(model["vocab"], key=model["vocab"].__getitem__)
    control, normal = gguf.TokenType.CONTROL, gguf.TokenType.NORMAL
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("gpt-2")  # without it llama.cpp splits differently and warns
    writer.add_token_list(tokens)
    writer.add_token_types([control if token in SPECIAL else normal for token in tokens])
    writer.add_token_merges([" ".join(pair) for pair in model["merges"]])
    writer.add_bos_token_id(PAD_ID)
    writer.add_eos_token_id(END_ID)
    writer.add_eot_token_id(END_ID)
    writer.add_pad_token_id(PAD_ID)
    writer.add_add_bos_token(False)
    writer.add_chat_template(CHAT_TEMPLATE)


def add_identity(writer: gguf.GGUFWriter) -> None:
    writer.add_name("Lectern 101")
    writer.add_author("The Lectern authors")
    writer.add_version("1")
    writer.add_organization("Lectern")
    writer.add_basename("lectern-101")
    writer.add_size_label("4.7M")
    writer.add_license("mit")
    writer.add_license_name("MIT")
    writer.add_languages(["en"])
    writer.add_tags(["text-generation", "teaching"])
    writer.add_description(DESCRIPTION)


def export(model: Llama, tokenizer: Tokenizer, path: Path, *, half: bool = True) -> None:
    """Writes `path`; with `half=False` the matrices stay F32 (the tests compare exactly)."""
    writer = gguf.GGUFWriter(path, "llama")
    add_identity(writer)
    add_sizes(writer, model.config)
    kind = gguf.LlamaFileType.MOSTLY_F16 if half else gguf.LlamaFileType.ALL_F32
    writer.add_file_type(kind)
    writer.add_quantization_version(gguf.GGML_QUANT_VERSION)
    add_tokenizer(writer, tokenizer)
    for name, weight in tensors(model).items():
        matrix = weight.ndim == 2
        writer.add_tensor(name, weight.astype(np.float16 if half and matrix else np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def load_checkpoint(path: Path) -> tuple[Llama, Tokenizer]:
    """Reads what `train.py` saved."""
    saved = torch.load(path, weights_only=True)
    model = Llama(Config(**saved["config"]))
    model.load_state_dict(saved["model"])
    return model.eval(), Tokenizer.from_str(saved["tokenizer"])


def main() -> None:
    if len(sys.argv) != 3:
        sys.exit("python -m training.export CHECKPOINT.pt FILE.gguf")
    source, target = (Path(argument) for argument in sys.argv[1:])
    model, tokenizer = load_checkpoint(source)
    export(model, tokenizer, target)
    print(f"{target}: {target.stat().st_size:,} bytes, {model.parameter_count:,} parameters")


if __name__ == "__main__":
    main()
