"""The rules that the folders promise: who imports whom, flat packages, quiet imports."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from tests.running import ROOT

SERVICES = ROOT / "services"
MAY_IMPORT = {
    "gateway": set[str](),
    "engine": set[str](),
    "chat_client": set[str](),
    "streamlit_ui": {"chat_client"},
    "gradio_ui": {"chat_client"},
}
PACKAGES = sorted(MAY_IMPORT)
OWN_CODE = ("services", "launch", "training", "tests")
JUNK_NAMES = {"utils", "util", "helpers", "helper", "misc", "manager", "common", "shared"}
# A folder with a library's name would hide the library from the services.
LIBRARIES = {"streamlit", "gradio", "fastapi", "openai", "httpx", "queue", "logging", "gguf"}


def modules(package: str) -> list[Path]:
    """The Python files of a package, without Alembic's, which have rules of their own."""
    files = (SERVICES / package).rglob("*.py")
    return sorted(path for path in files if "migrations" not in path.parts)


def own_files() -> list[Path]:
    """Every tracked or new Python file of the project."""
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard", *OWN_CODE],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return [ROOT / line for line in listed.stdout.splitlines() if line.endswith(".py")]


def imported(path: Path) -> set[str]:
    """The top-level names of the modules that a file imports."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module.split(".")[0])
    return names


def test_the_services_are_those_that_the_rules_know() -> None:
    folders = {path.parent.name for path in SERVICES.glob("*/__init__.py")}
    assert folders == set(MAY_IMPORT)


@pytest.mark.parametrize("package", PACKAGES)
def test_a_package_imports_only_whom_it_may(package: str) -> None:
    for path in modules(package):
        siblings = imported(path) & set(MAY_IMPORT) - {package}
        assert siblings <= MAY_IMPORT[package], path


def test_the_gateway_reads_http_answers_in_one_place() -> None:
    users = {path.name for path in modules("gateway") if "httptools" in imported(path)}
    assert users <= {"wire.py", "reply.py"}
    assert users


@pytest.mark.parametrize("package", PACKAGES)
def test_a_package_is_flat_and_its_modules_are_nouns(package: str) -> None:
    for path in modules(package):
        assert path.parent == SERVICES / package, f"{path} lies too deep"
        assert path.stem not in JUNK_NAMES | LIBRARIES, path
    assert package not in LIBRARIES


def test_every_module_says_what_it_owns() -> None:
    silent = [
        str(path.relative_to(ROOT))
        for path in own_files()
        if path.exists() and not ast.get_docstring(ast.parse(path.read_text()))
    ]
    assert silent == []


def test_no_function_outgrows_a_screen() -> None:
    long = []
    for path in (path for path in own_files() if path.exists()):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                lines = (node.end_lineno or node.lineno) - node.lineno + 1
                if lines > 50:
                    long.append(f"{path.relative_to(ROOT)}: {node.name} has {lines} lines")
    assert long == []


QUIET_IMPORT = """
import importlib, os, pathlib, socket, sys

def refuse(*_args, **_kwargs):
    raise AssertionError("an import connects to something")

socket.socket.connect = refuse
before = dict(os.environ)
for name in sys.argv[1:]:
    importlib.import_module(name)
"""


@pytest.mark.parametrize("package", PACKAGES)
def test_importing_connects_to_nothing_and_needs_no_environment(
    package: str, tmp_path: Path
) -> None:
    # A Streamlit script and a __main__ run when imported: that is what they are for.
    running = {"__main__", "app"} if package == "streamlit_ui" else {"__main__"}
    names = [f"{package}.{path.stem}" for path in modules(package) if path.stem not in running]
    done = subprocess.run(
        [sys.executable, "-c", QUIET_IMPORT, *names],
        env={"PYTHONPATH": str(SERVICES), "PATH": "/usr/bin:/bin", "HOME": str(tmp_path)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert list(tmp_path.iterdir()) == [], "an import wrote a file"
