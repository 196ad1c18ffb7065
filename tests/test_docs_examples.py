"""Runs the examples of docs/101.md as a reader would, on the real gateway and teaching model."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.documents import Page, page
from tests.reader import ADDRESS, Reader
from tests.running import ROOT

GUIDE = page(ROOT / "docs" / "101.md")
Shell = Callable[[str], str]


@pytest.fixture
def shell(reader: Reader) -> Shell:
    """Runs a block of shell code and returns what it prints."""
    return reader.shell


def example(heading: str, language: str = "sh") -> str:
    """The one block below `heading` that calls the gateway."""
    section: Page = GUIDE.section(heading)
    calls = [block for block in section.blocks(language) if ADDRESS in block]
    assert len(calls) == 1
    return calls[0]


def test_every_call_of_the_gateway_is_tested_here() -> None:
    tested = ["Before you start", "Token", "Temperature", "Quantization", "Hand out keys"]
    calling = [block for block in GUIDE.blocks("sh") if ADDRESS in block]
    assert calling == [example(heading) for heading in tested]


def test_the_model_list_names_the_teaching_model(shell: Shell) -> None:
    models = json.loads(shell(example("Before you start")))["data"]
    assert "lectern-101" in {model["id"] for model in models}


def test_the_stream_brings_tokens_one_by_one_and_counts_them(shell: Shell) -> None:
    lines = [line for line in shell(example("Token")).splitlines() if line]
    assert lines[-1] == "data: [DONE]"
    chunks = [json.loads(line.removeprefix("data: ")) for line in lines[:-1]]
    usage = chunks[-1]["usage"]
    pieces = [
        choice["delta"]["content"]
        for chunk in chunks
        for choice in chunk["choices"]
        if choice["delta"].get("content")
    ]
    assert "".join(pieces).strip()
    assert usage["prompt_tokens"] > 0
    assert usage["completion_tokens"] / 2 < len(pieces) <= usage["completion_tokens"]


def test_temperature_0_repeats_itself_and_1_5_does_not(shell: Shell) -> None:
    stories = re.split(r"^temperature .*:\n", shell(example("Temperature")), flags=re.MULTILINE)
    cold, hot = stories[1:4], stories[4:7]
    assert len(hot) == 3
    assert all(story.strip() for story in cold + hot)
    assert len(set(cold)) == 1
    assert len(set(hot)) > 1


def test_the_three_formats_answer_and_shrink(shell: Shell) -> None:
    output = shell(example("Quantization"))
    names = ("lectern-101@f16", "lectern-101@q8_0", "lectern-101@q4_0")
    answers = [re.search(rf"^{name}:\n(.+)$", output, re.MULTILINE) for name in names]
    assert all(answers)
    sizes = dict(re.findall(r"^(\S+) (\d+) bytes$", output, re.MULTILINE))
    f16, q8_0, q4_0 = (int(sizes[name]) for name in names)
    assert f16 > q8_0 > q4_0


def test_the_files_have_the_sizes_in_the_table(teaching_models: Path) -> None:
    rows = [row for row in GUIDE.section("Quantization").rows() if row[-1].endswith(" MB")]
    assert len(rows) == 3
    for name, size in rows:
        file = teaching_models / name.strip("`")
        assert f"{file.stat().st_size / 1e6:.1f} MB" == size


def test_a_teammates_first_call_is_answered(shell: Shell) -> None:
    reply = json.loads(shell(example("Hand out keys")))
    assert reply["choices"][0]["message"]["content"].strip()


def test_the_python_example_prints_the_answer(reader: Reader) -> None:
    assert reader.python(example("Hand out keys", "python")).strip()
