"""docs/security.md names a test for every case, and every test that it names exists."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

from tests.documents import page
from tests.running import ROOT

PAGE = page(ROOT / "docs" / "security.md")
CASES = PAGE.section("Each case and its test")
TABLES = ("CVEs of gateways and their frameworks", "Incidents and complaints")
NAMED = re.compile(r"`(tests/[\w/]+\.py)::(test_\w+)`")
# What has to have a row: the classes by which peers were hurt.
CLASSES = {
    "CVE-2026-42208",
    "CVE-2024-6587",
    "PYSEC-2026-4070",
    "CVE-2025-66405",
    "CVE-2026-110719",
    "CVE-2026-55245",
    "CVE-2026-45400",
    "CVE-2026-42271",
    "CVE-2024-2952",
    "CVE-2026-48710",
    "CVE-2026-49468",
    "CVE-2026-35029",
    "CVE-2026-59822",
    "CVE-2026-47101",
    "CVE-2026-47102",
    "CVE-2026-35030",
    "GHSA-69x8-hrgq-fjj8",
    "CVE-2026-114612",
    "CVE-2024-9606",
    "CVE-2025-11203",
    "CVE-2026-25802",
    "CVE-2025-62727",
    "CVE-2025-54121",
}


@cache
def names_in(path: Path) -> set[str]:
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    tree = ast.parse(path.read_text())
    return {node.name for node in tree.body if isinstance(node, functions)}


def rows() -> list[list[str]]:
    return CASES.rows()


def test_there_are_three_tables_of_four_columns() -> None:
    assert [heading for heading in CASES.headings if heading in TABLES] == list(TABLES)
    assert len(rows()) > 30
    assert {len(row) for row in rows()} == {4}


@pytest.mark.parametrize("row", rows(), ids=lambda row: row[0])
def test_every_row_says_what_is_done_and_names_tests_that_exist(row: list[str]) -> None:
    _, case, answer, tests = row
    assert case
    assert answer
    named = NAMED.findall(tests)
    assert named, "no test is named"
    assert re.sub(r"[\s,]", "", NAMED.sub("", tests)) == "", "something that is no test is named"
    for file, name in named:
        assert (ROOT / file).is_file(), file
        assert name in names_in(ROOT / file), f"{file} has no {name}"


@pytest.mark.parametrize("heading", TABLES)
def test_every_case_has_a_public_source(heading: str) -> None:
    text = CASES.text.split(f"### {heading}\n", 1)[1].split("\n### ", 1)[0]
    for line in (line for line in text.splitlines() if line.startswith("|")):
        if "`tests/" in line:
            assert "](https://" in line, line[:100]


def test_the_classes_by_which_peers_were_hurt_are_all_there() -> None:
    text = " ".join(row[1] for row in rows())
    assert {name for name in CLASSES if name not in text} == set()


def test_every_security_test_of_the_gateway_is_in_a_file_that_is_named() -> None:
    files = {path.relative_to(ROOT).as_posix() for path in ROOT.glob("tests/**/test_security*.py")}
    assert files <= {file for row in rows() for file, _ in NAMED.findall(row[3])}
