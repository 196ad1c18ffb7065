"""The quantized files are made once, shrink, load in llama.cpp and still answer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gguf
import pytest
import xllamacpp

from engine.quantize import F16_PATH, quantize_teaching_model

FILES = ("lectern-101-f16.gguf", "lectern-101-q8_0.gguf", "lectern-101-q4_0.gguf")


def serve(path: Path) -> Any:
    parameters = xllamacpp.CommonParams()
    parameters.model.path = str(path)
    parameters.n_ctx, parameters.n_parallel, parameters.port = 1024, 1, 0
    parameters.cpuparams.n_threads = parameters.cpuparams_batch.n_threads = 1
    parameters.fit_params, parameters.ui, parameters.verbosity = False, False, 1
    return xllamacpp.Server(parameters)


def metadata(path: Path) -> dict[str, Any]:
    return {name: field.contents() for name, field in gguf.GGUFReader(path).fields.items()}


def test_the_committed_file_is_small_enough_for_a_repository() -> None:
    assert F16_PATH.stat().st_size < 10_000_000


def test_fewer_bits_make_smaller_files(teaching_models: Path) -> None:
    f16, q8, q4 = ((teaching_models / name).stat().st_size for name in FILES)

    assert q8 < 0.6 * f16
    assert q4 < 0.65 * q8


@pytest.mark.parametrize("name", FILES)
def test_each_file_loads_and_answers(teaching_models: Path, name: str) -> None:
    server = serve(teaching_models / name)
    messages = [{"role": "user", "content": "What is a token?"}]

    reply = server.handle_chat_completions({"messages": messages, "temperature": 0})

    assert "token" in reply["choices"][0]["message"]["content"].lower()
    assert reply["choices"][0]["finish_reason"] == "stop"


def test_everything_but_the_type_is_taken_over(teaching_models: Path) -> None:
    f16, q8, q4 = (metadata(teaching_models / name) for name in FILES)
    written_anew = {"GGUF.kv_count", "general.file_type", "lectern.quantized_from.sha256"}

    assert [one["general.file_type"] for one in (f16, q8, q4)] == [1, 7, 2]
    for quantized in (q8, q4):
        kept = {key: value for key, value in quantized.items() if key not in written_anew}
        assert kept == {key: value for key, value in f16.items() if key not in written_anew}


def test_the_embedding_stays_at_eight_bits(teaching_models: Path) -> None:
    kinds = {
        tensor.name: tensor.tensor_type.name
        for tensor in gguf.GGUFReader(teaching_models / FILES[2]).tensors
    }

    assert kinds["token_embd.weight"] == "Q8_0"
    assert kinds["blk.0.attn_q.weight"] == "Q4_0"
    assert kinds["blk.0.attn_norm.weight"] == "F32"


def test_a_second_run_leaves_the_files_alone(tmp_path: Path) -> None:
    quantize_teaching_model(tmp_path)
    before = {path.name: path.stat().st_mtime_ns for path in tmp_path.iterdir()}

    quantize_teaching_model(tmp_path)

    assert {path.name: path.stat().st_mtime_ns for path in tmp_path.iterdir()} == before
    assert set(before) == set(FILES)


@pytest.mark.parametrize("damage", [b"", b"GGUF", b"\0" * 4096])
def test_a_broken_file_is_made_again(tmp_path: Path, damage: bytes) -> None:
    quantize_teaching_model(tmp_path)
    broken = tmp_path / FILES[2]
    good = broken.read_bytes()
    broken.write_bytes(damage)

    quantize_teaching_model(tmp_path)

    assert broken.read_bytes() == good
