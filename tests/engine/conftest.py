"""Engines of the tests' own: unpaced, with a small model, with one that works for a long time."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.engine.gguf_files import write_model
from tests.running import Service, running


@pytest.fixture(scope="session")
def small_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A GGUF file of the user's: <folder>/publisher/repo/Small-F16.gguf."""
    folder = tmp_path_factory.mktemp("models") / "publisher" / "repo"
    folder.mkdir(parents=True)
    return write_model(folder / "Small-F16.gguf")


@pytest.fixture(scope="session")
def slow_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model whose answer goes on to the end of its 16,384 tokens: it can be stopped at work."""
    path = tmp_path_factory.mktemp("slow") / "slow.gguf"
    return write_model(path, width=256, layers=4, context=16384)


def slow_settings(path: Path) -> dict[str, str]:
    return {
        "ENGINE_MODEL": str(path),
        "ENGINE_CONTEXT_LENGTH": "16384",
        "ENGINE_PARALLEL": "2",
        "ENGINE_THREADS": "1",
    }


@pytest.fixture(scope="session")
def slow_engine(run_folder: Path, slow_model: Path) -> Iterator[Service]:
    """Two slots on the slow model."""
    with running("engine", run_folder, slow_settings(slow_model)) as service:
        yield service


@pytest.fixture
def own_slow_engine(run_folder: Path, slow_model: Path) -> Iterator[Service]:
    """The same for one test."""
    with running("engine", run_folder, slow_settings(slow_model)) as service:
        yield service


@pytest.fixture
def own_engine(run_folder: Path, teaching_models: Path) -> Iterator[Service]:
    """An unpaced engine for one test, which may load and unload as it likes."""
    env = {"ENGINE_TEACHING_DIR": str(teaching_models), "ENGINE_TOKENS_PER_SECOND": "0"}
    with running("engine", run_folder, env) as service:
        yield service
