"""The programs that a page shows: they run as they are, and no prompt breaks out of them."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from pydantic import SecretStr

from chat_client import ChatSettings, Message, Sampling, snippets
from tests.running import Service, missing

MODEL = "lectern-101@q8_0"
NASTY = 'It\'s a "test": $(touch owned) `touch owned` ${x} \\ \u2028 </script>\nWhat is a token?'
SAMPLING = Sampling(temperature=0.0, max_tokens=30, top_k=1, stop=("'quoted'",))


def code(settings: ChatSettings, language: str, **more: object) -> str:
    question = [Message("system", "You're brief."), Message("user", NASTY)]
    made = snippets(settings, MODEL, question, SAMPLING, show_key=bool(more.get("show_key")))
    return next(each.code for each in made if each.language == language)


def run(command: list[str], folder: Path) -> str:
    done = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    assert list(folder.glob("owned*")) == []
    return done.stdout


def test_the_curl_command_runs_against_the_engine(engine: Service, tmp_path: Path) -> None:
    settings = ChatSettings(lmstudio_url=engine.url)
    out = run(["bash", "-c", code(settings, "bash")], tmp_path)
    assert '"finish_reason":"' in out.replace(" ", "")
    assert "data: [DONE]" in out


def test_the_python_program_runs_against_the_engine(engine: Service, tmp_path: Path) -> None:
    settings = ChatSettings(lmstudio_url=engine.url)
    (tmp_path / "ask.py").write_text(code(settings, "python"))
    assert len(run([sys.executable, "ask.py"], tmp_path).split()) > 5


def test_the_javascript_program_runs_against_the_engine(engine: Service, tmp_path: Path) -> None:
    node = shutil.which("node")
    if node is None:
        missing("Node.js", "install it to run the snippet for JavaScript")
    settings = ChatSettings(lmstudio_url=engine.url)
    (tmp_path / "ask.mjs").write_text(code(settings, "javascript"))
    assert len(run([node, "ask.mjs"], tmp_path).split()) > 5


def test_the_three_say_the_same(engine: Service, tmp_path: Path) -> None:
    settings = ChatSettings(lmstudio_url=engine.url)
    (tmp_path / "ask.py").write_text(code(settings, "python"))
    first, second = (run([sys.executable, "ask.py"], tmp_path) for _ in range(2))
    assert first == second  # the temperature of 0 arrived


@pytest.mark.parametrize("language", ["bash", "python", "javascript"])
def test_a_key_shows_only_when_it_is_asked_for(language: str) -> None:
    settings = ChatSettings(
        llm_url="http://gateway:8000", llm_api_key=SecretStr("lk-very-secret-key")
    )
    assert "lk-very-secret-key" not in code(settings, language)
    assert "YOUR_KEY" in code(settings, language)
    assert "lk-very-secret-key" in code(settings, language, show_key=True)


def test_without_a_key_none_is_shown() -> None:
    for each in snippets(ChatSettings(lmstudio_url="http://127.0.0.1:1234"), MODEL):
        assert "Authorization" not in each.code
        assert "http://127.0.0.1:1234/v1" in each.code


def test_the_readers_own_address_can_be_shown() -> None:
    settings = ChatSettings(lmstudio_url="http://host.docker.internal:1234")
    for each in snippets(settings, MODEL, base_url="http://127.0.0.1:1234/v1"):
        assert "http://127.0.0.1:1234/v1" in each.code
        assert "host.docker.internal" not in each.code
