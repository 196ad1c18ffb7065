"""What gets installed: pinned, with hashes, from nowhere but the index; no script from the network.

The case is the upload of a poisoned package to a public index in March 2026 (docs/security.md).
"""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from tests.running import ROOT

LOCKS = sorted(
    path for path in ROOT.rglob("requirements.txt") if ".venv" not in path.parts and path.is_file()
)
SERVICE_LOCKS = [path for path in LOCKS if "services" in path.parts]
PINNED = re.compile(
    r"([A-Za-z0-9._-]+)(\[[a-z,]+\])?==[^ ;\\]+( ; .+)?(?: --hash=sha256:[0-9a-f]{64})+"
)
# PyTorch, by `make test` alone: pinned, but which wheel fits depends on the machine.
WITHOUT_HASH = '_pip("install"), TORCH))'

every_lock = pytest.mark.parametrize("lock", LOCKS, ids=lambda path: str(path.parent.name))


def requirements(path: Path) -> list[str]:
    """The lines of a requirements file, joined where they go on, without comments."""
    text = path.read_text().replace("\\\n", "")
    lines = (re.sub(r"(^|\s)#.*", "", line).strip() for line in text.splitlines())
    return [re.sub(r"\s+", " ", line) for line in lines if line]


def name_of(requirement: str) -> str:
    return re.split(r"[\[=<>~! ;]", requirement)[0].lower().replace("_", "-").replace(".", "-")


def tracked() -> list[Path]:
    done = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return [ROOT / name for name in done.stdout.split("\0") if name]


@every_lock
def test_every_package_is_pinned_with_a_hash(lock: Path) -> None:
    lines = requirements(lock)
    assert lines
    for line in lines:
        assert PINNED.fullmatch(line), f"{lock}: {line[:100]}"


@every_lock
def test_the_lock_holds_what_was_asked_for(lock: Path) -> None:
    asked = {name_of(line) for line in requirements(lock.with_suffix(".in")) if line[0] != "-"}
    assert asked <= {name_of(line) for line in requirements(lock)}


def test_every_list_of_packages_has_a_lock() -> None:
    lists = {path for path in tracked() if path.name == "requirements.in"}
    assert {path.with_suffix(".txt") for path in lists} == set(LOCKS)


@pytest.mark.parametrize("lock", SERVICE_LOCKS, ids=lambda path: str(path.parent.name))
def test_no_gateway_of_a_peer_is_shipped(lock: Path) -> None:
    assert "litellm" not in {name_of(line) for line in requirements(lock)}


@pytest.mark.parametrize("lock", SERVICE_LOCKS, ids=lambda path: str(path.parent.name))
def test_only_the_gradio_ui_speaks_mcp(lock: Path) -> None:
    speaks = "mcp" in {name_of(line) for line in requirements(lock)}
    assert speaks == (lock.parent.name == "gradio_ui")


def test_images_install_with_hashes_alone() -> None:
    dockerfiles = [path for path in tracked() if path.match("services/*/Dockerfile")]
    assert len(dockerfiles) == 4
    for path in dockerfiles:
        text = path.read_text().replace("\\\n", " ")
        installs = re.findall(r"pip[^&|\n]*\binstall\b[^&|\n]*", text)
        assert installs, path
        assert all("--require-hashes" in line for line in installs), path
        assert not re.search(r"\b(curl|wget|ADD https?:)", text), path


def test_the_launcher_installs_with_hashes_alone() -> None:
    text = (ROOT / "launch" / "virtualenv.py").read_text()
    installs = re.findall(r'_pip\("install"\).*', text)
    assert WITHOUT_HASH in installs
    installs.remove(WITHOUT_HASH)
    assert installs
    assert all("--require-hashes" in line for line in installs)


def test_no_script_from_the_network_is_run() -> None:
    piped = re.compile(
        r"\b(curl|wget)\b[^\n|]*\|\s*(sudo\s+)?(ba|z|da)?sh\b|\b(ba)?sh\s+<\(\s*curl"
    )
    scripts = [
        path
        for path in tracked()
        if path.suffix in ("", ".sh", ".yml", ".yaml", ".md", ".py") and path != Path(__file__)
    ]
    assert len(scripts) > 100
    found = [path for path in scripts if piped.search(path.read_text(errors="replace"))]
    assert found == []


def test_nothing_runs_at_the_start_of_every_python() -> None:
    names = {path.name for path in tracked()}
    assert not {name for name in names if name.endswith(".pth")}
    assert not names & {"sitecustomize.py", "usercustomize.py"}
