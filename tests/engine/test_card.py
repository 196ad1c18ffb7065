"""The facts in a GGUF header: read here and by the `gguf` package, with the same result."""

from __future__ import annotations

from pathlib import Path

import pytest
from gguf import GGUFReader

from engine.card import read_card
from engine.cores import physical_cores
from engine.errors import EngineError
from engine.gguf_header import read_header
from engine.llama import LoadConfig, available_bytes, check_memory
from tests.engine.gguf_files import write_model


@pytest.mark.parametrize("variant", ["f16", "q8_0", "q4_0"])
def test_reads_what_the_gguf_package_reads(teaching_models: Path, variant: str) -> None:
    path = teaching_models / f"lectern-101-{variant}.gguf"
    header, reader = read_header(path), GGUFReader(path)
    assert header.parameters == sum(int(tensor.n_elements) for tensor in reader.tensors)
    for name, value in header.values.items():
        if value is not None and not name.startswith("GGUF."):
            field = reader.get_field(name)
            assert field is not None
            assert field.contents() == value, name


def test_long_lists_are_stepped_over(teaching_models: Path) -> None:
    values = read_header(teaching_models / "lectern-101-f16.gguf").values
    assert values["tokenizer.ggml.tokens"] is None
    assert values["general.architecture"] == "llama"


def test_card_of_the_teaching_model(teaching_models: Path) -> None:
    card = read_card(teaching_models / "lectern-101-q4_0.gguf")
    assert (card.architecture, card.quantization, card.bits_per_weight) == ("llama", "Q4_0", 4)
    assert card.context_length == 1024
    assert card.parameters_text.endswith("M")
    assert not card.embedding


def test_every_cut_is_noticed(tmp_path: Path) -> None:
    whole = write_model(tmp_path / "m.gguf", width=16, layers=1).read_bytes()
    cut = tmp_path / "cut.gguf"
    for size in (*range(5, 400, 13), len(whole) // 2, len(whole) - 1):
        cut.write_bytes(whole[:size])
        with pytest.raises(EngineError, match="no complete GGUF file"):
            read_card(cut)


def test_memory_is_the_containers_where_that_is_less(tmp_path: Path) -> None:
    meminfo, limit = tmp_path / "meminfo", tmp_path / "memory.max"
    meminfo.write_text("MemTotal: 9 kB\nMemAvailable:    1000 kB\n")
    limit.write_text("max\n")
    assert available_bytes(meminfo, limit) == 1_024_000
    limit.write_text("500\n")
    assert available_bytes(meminfo, limit) == 500
    assert available_bytes(tmp_path / "none", limit) is None


def test_a_model_that_fits_is_not_refused(teaching_models: Path) -> None:
    check_memory(read_card(teaching_models / "lectern-101-f16.gguf"), LoadConfig(1024, 4, 1))


def test_threads_are_physical_cores_within_the_quota(tmp_path: Path) -> None:
    import os

    usable = os.sched_getaffinity(0)
    for cpu in usable:  # all of them siblings of one core
        folder = tmp_path / f"cpu{cpu}/topology"
        folder.mkdir(parents=True)
        (folder / "thread_siblings_list").write_text("0-63\n")
    quota = tmp_path / "cpu.max"
    quota.write_text("max 100000\n")
    assert physical_cores(tmp_path, quota) == 1
    assert physical_cores(tmp_path / "unknown", quota) == len(usable)
    quota.write_text("150000 100000\n")
    assert physical_cores(tmp_path / "unknown", quota) == 1
