"""Starting: a model of the user's, and one sentence for everything that keeps it from starting."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from tests.engine.asking import MESSAGES, get, post, run_engine
from tests.engine.gguf_files import write_model
from tests.running import running


def sentence(env: dict[str, str], folder: Path) -> str:
    """The one line on stderr with which an engine gives up."""
    done = run_engine(env, folder)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    last = done.stderr.splitlines()[-1]
    assert last.startswith("The engine cannot start. ")
    return last


@pytest.mark.parametrize("below", [True, False])
def test_a_users_model_is_served_instead(run_folder: Path, small_model: Path, below: bool) -> None:
    folder = small_model.parent.parent.parent
    path = small_model.relative_to(folder) if below else small_model
    env = {"ENGINE_MODELS_DIR": str(folder), "ENGINE_MODEL": str(path)}
    with running("engine", run_folder, env) as engine:
        (model,) = get(engine, "/api/v1/models").json()["models"]
        assert model["key"] == "small-f16"
        assert model["publisher"] == "publisher"
        assert model["display_name"] == "Random Llama"
        assert model["loaded_instances"][0]["config"]["context_length"] == 1024
        body = {"model": "lectern-101", "messages": MESSAGES, "max_tokens": 2}
        assert post(engine, "/v1/chat/completions", body).json()["model"] == "small-f16"
        assert "tokens_per_second=0 " in engine.log


def test_settings_of_the_load_are_heard(run_folder: Path, small_model: Path) -> None:
    env = {
        "ENGINE_MODEL": str(small_model),
        "ENGINE_CONTEXT_LENGTH": "256",
        "ENGINE_PARALLEL": "2",
        "ENGINE_VERBOSE": "1",
    }
    with running("engine", run_folder, env) as engine:
        (row,) = get(engine, "/engine/slots").json()["models"]
        assert row["slots"] == 2
        assert "n_ctx_slot = 256" in engine.log  # llama.cpp's own words


def test_an_embedding_model_embeds_and_does_not_chat(run_folder: Path, tmp_path: Path) -> None:
    path = write_model(tmp_path / "embedder.gguf", pooling=1)
    with running("engine", run_folder, {"ENGINE_MODEL": str(path)}) as engine:
        (model,) = get(engine, "/api/v1/models").json()["models"]
        assert model["type"] == "embedding"
        assert "capabilities" not in model
        reply = post(engine, "/v1/embeddings", {"model": "embedder", "input": "one"})
        assert len(reply.json()["data"][0]["embedding"]) == 64
        refused = post(engine, "/v1/chat/completions", {"model": "x", "messages": MESSAGES})
        assert refused.status_code == 400


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ENGINE_PORT", "no-port"),
        ("ENGINE_PARALLEL", "0"),
        ("ENGINE_TOKENS_PER_SECOND", "-1"),
        ("ENGINE_CONTEXT_LENGTH", "many"),
        ("ENGINE_THREADS", "0"),
        ("ENGINE_VERBOSE", "perhaps"),
    ],
)
def test_a_bad_value_is_named(name: str, value: str, tmp_path: Path) -> None:
    assert f"{name}={value!r} does not work" in sentence({name: value}, tmp_path)


def test_missing_file_is_named_with_the_ways_to_give_one(tmp_path: Path) -> None:
    said = sentence({"ENGINE_MODEL": "none.gguf", "ENGINE_MODELS_DIR": str(tmp_path)}, tmp_path)
    assert str(tmp_path / "none.gguf") in said
    assert "hf:owner/repo/file.gguf" in said


def test_a_file_that_is_no_model_is_told(tmp_path: Path) -> None:
    text = tmp_path / "text.gguf"
    text.write_text("Hello")
    assert "does not begin with GGUF" in sentence({"ENGINE_MODEL": str(text)}, tmp_path)


@pytest.mark.parametrize("missing", [1, 50_000, 400_000])
def test_a_file_that_is_cut_off_is_told(small_model: Path, tmp_path: Path, missing: int) -> None:
    """In the last tensor, in an earlier one, and all but the first bytes."""
    cut = tmp_path / "cut.gguf"
    whole = small_model.read_bytes()
    cut.write_bytes(whole[: max(len(whole) - missing, 100)])
    assert "is no complete GGUF file" in sentence({"ENGINE_MODEL": str(cut)}, tmp_path)


def test_too_little_memory_is_told_before_loading(small_model: Path, tmp_path: Path) -> None:
    env = {"ENGINE_MODEL": str(small_model), "ENGINE_CONTEXT_LENGTH": "2000000000"}
    said = sentence(env, tmp_path)
    assert "of memory" in said
    assert "ENGINE_CONTEXT_LENGTH" in said


def test_missing_teaching_files_name_the_command(tmp_path: Path) -> None:
    assert "engine.quantize" in sentence({"ENGINE_TEACHING_DIR": str(tmp_path)}, tmp_path)


def test_a_taken_port_is_told(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        said = sentence({"ENGINE_PORT": port}, tmp_path)
    assert f"Port {port} of 127.0.0.1 is taken" in said


def test_an_address_of_another_machine_is_told(tmp_path: Path) -> None:
    assert "BIND_ADDR" in sentence({"BIND_ADDR": "192.0.2.1"}, tmp_path)
