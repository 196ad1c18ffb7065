"""ENGINE_MODEL=hf:…: fetched once, told in the log, and one sentence for each way to fail."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.download import HubFile
from engine.errors import EngineError
from tests.engine.asking import MESSAGES, post, run_engine
from tests.engine.hub_stub import Hub, hub
from tests.running import free_port, running

FOLDER = "owner/repo/resolve/main"
WANTED = "hf:owner/repo/Small-F16.gguf"


@pytest.fixture
def stub(small_model: Path) -> Iterator[Hub]:
    with hub() as state:
        state.files[f"{FOLDER}/Small-F16.gguf"] = small_model.read_bytes()
        yield state


def settings(url: str, cache: Path, model: str = WANTED) -> dict[str, str]:
    return {"ENGINE_MODEL": model, "HF_ENDPOINT": url, "ENGINE_CACHE_DIR": str(cache)}


def test_fetched_once_and_served(stub: Hub, run_folder: Path, tmp_path: Path) -> None:
    env = settings(stub.url, tmp_path / "cache")
    with running("engine", run_folder, env) as engine:
        body = {"model": "small-f16", "messages": MESSAGES, "max_tokens": 2}
        assert post(engine, "/v1/chat/completions", body).json()["model"] == "small-f16"
        assert "fetching Small-F16.gguf: 100 %" in engine.log
        assert " MB" in engine.log
    assert (tmp_path / "cache/owner/repo/Small-F16.gguf").is_file()
    assert stub.tokens == {None}
    asked = len(stub.requests)
    with running("engine", run_folder, env):
        assert len(stub.requests) == asked


def test_writes_nowhere_but_into_its_cache(stub: Hub, run_folder: Path, tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir(mode=0o555)
    env = settings(stub.url, tmp_path / "cache") | {"HOME": str(home)}
    with running("engine", run_folder, env):
        assert list(home.iterdir()) == []


def test_a_model_in_parts_is_fetched_whole(stub: Hub, tmp_path: Path) -> None:
    """The parts are no models here: what counts is that all of them were asked for."""
    for part in (1, 2):
        stub.files[f"{FOLDER}/big-0000{part}-of-00002.gguf"] = b"GGUF"
    model = "hf:owner/repo/big-00001-of-00002.gguf"
    run_engine(settings(stub.url, tmp_path / "cache", model), tmp_path)
    assert f"GET {FOLDER}/big-00001-of-00002.gguf" in stub.requests
    assert f"GET {FOLDER}/big-00002-of-00002.gguf" in stub.requests


def test_a_token_goes_along_when_there_is_one(stub: Hub, run_folder: Path, tmp_path: Path) -> None:
    env = settings(stub.url, tmp_path / "cache") | {"HF_TOKEN": "hf_example"}
    with running("engine", run_folder, env) as engine:
        assert "hf_example" not in engine.log
    assert "Bearer hf_example" in stub.tokens


@pytest.mark.parametrize(
    ("code", "sentence"),
    [
        ((404, "EntryNotFound"), "owner/repo has no file other.gguf"),
        ((401, "RepoNotFound"), "has no public repository owner/repo"),
        ((403, "GatedRepo"), "owner/repo asks for an agreement"),
        ((500, ""), "cannot be fetched from"),
    ],
)
def test_what_the_hub_refuses_is_one_sentence(
    stub: Hub, tmp_path: Path, code: tuple[int, str], sentence: str
) -> None:
    stub.codes[f"{FOLDER}/other.gguf"] = code
    env = settings(stub.url, tmp_path / "cache", "hf:owner/repo/other.gguf")
    done = run_engine(env, tmp_path)
    assert done.returncode == 1
    last = done.stderr.splitlines()[-1]
    assert last.startswith("The engine cannot start. ")
    assert sentence in last
    assert "Traceback" not in done.stderr


def test_offline_is_one_sentence_with_a_way_out(tmp_path: Path) -> None:
    nobody = f"http://127.0.0.1:{free_port()}"
    done = run_engine(settings(nobody, tmp_path / "cache"), tmp_path)
    assert done.returncode == 1
    last = done.stderr.splitlines()[-1]
    assert "is this machine online?" in last
    assert "ENGINE_MODELS_DIR" in last
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    "text",
    ["hf:", "hf:owner/file.gguf", "hf:o/r/file.bin", "hf:o/r/../../x.gguf", "hf:o/r/ x.gguf"],
)
def test_other_forms_are_refused(text: str) -> None:
    with pytest.raises(EngineError, match=r"hf:owner/repo/file\.gguf"):
        HubFile.parse(text)


def test_a_file_in_a_folder_of_the_repository() -> None:
    assert HubFile.parse("hf:o/r/q4/x.gguf") == HubFile("o", "r", "q4/x.gguf")
