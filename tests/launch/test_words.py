"""The words of `make`, as a person meets them first; and the Python that must run them."""

from __future__ import annotations

import ast
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from launch.__main__ import WORDS
from launch.testing import closing_list
from tests.running import ROOT, missing

MAKEFILE = (ROOT / "Makefile").read_text()


@pytest.fixture(scope="module")
def make() -> str:
    path = shutil.which("make")
    if path is None:
        missing("make", "install it (for example `apt install make`)")
    return path


def said(make: str, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """A call of make in an environment that has Python and little else."""
    path = "/usr/local/bin:/usr/bin:/bin"
    python = shutil.which("python3") or "python3"
    env = {"PATH": path, "PYTHON": python, **environment}
    return subprocess.run(
        [make, *words], cwd=ROOT, env=env, capture_output=True, text=True, check=False
    )


def test_a_bare_make_lists_every_word_on_a_line_of_its_own(make: str) -> None:
    lines = said(make).stdout.strip().splitlines()
    assert [line.split()[1] for line in lines] == list(WORDS)


def test_every_word_is_a_rule_of_the_makefile() -> None:
    rules = set(" ".join(re.findall(r"^([a-z][a-z -]*):(?!.*=)", MAKEFILE, re.MULTILINE)).split())
    assert rules == set(WORDS)


def test_recipes_are_short() -> None:
    recipes = re.findall(r"(?:^\t.*\n)+", MAKEFILE, re.MULTILINE)
    assert all(recipe.count("\n") <= 4 for recipe in recipes)


@pytest.mark.parametrize("environment", [{}, {"NAME": "this-computer"}])
def test_a_key_without_a_name_says_how_to_give_one(make: str, environment: dict[str, str]) -> None:
    done = said(make, "-s", "key", LECTERN_RUNTIME="native", **environment)
    assert done.returncode != 0
    assert done.stdout == ""
    assert "make key NAME=ana" in done.stderr


@pytest.mark.parametrize("path", sorted((ROOT / "launch").glob("*.py")), ids=lambda path: path.stem)
def test_the_launcher_is_python_3_9(path: Path) -> None:
    tree = ast.parse(path.read_text(), feature_version=(3, 9))
    imports = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    assert path.name == "__init__.py" or any(node.module == "__future__" for node in imports)


def test_skipped_tests_are_counted_by_their_reason() -> None:
    report = """<testsuites><testsuite>
      <testcase name="a"><skipped message="no Docker engine: install Docker"/></testcase>
      <testcase name="b"><skipped message="no Docker engine: install Docker"/></testcase>
      <testcase name="c"><skipped message="no Chromium: install it"/></testcase>
      <testcase name="d"/></testsuite></testsuites>"""
    assert closing_list(report) == [
        "1 test: no Chromium: install it",
        "2 tests: no Docker engine: install Docker",
    ]
