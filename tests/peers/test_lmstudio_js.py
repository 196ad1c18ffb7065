"""The real `@lmstudio/sdk` of JavaScript, through the gateway, before a stand-in for LM Studio."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.gateway.conftest import Front, gateway_before
from tests.lmstudio_sockets import ANSWER, CHAT, CODER, EMBEDDER, Json, lmstudio_sockets
from tests.running import ROOT, missing

HERE = Path(__file__).parent / "javascript"
INSTALLED = ROOT / ".lectern" / "peers" / "javascript"
FILES = ("package.json", "package-lock.json", "talk.cjs")


@pytest.fixture(scope="module")
def program() -> Path:
    """The program with its packages beside it, installed from the lock."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        missing("node with npm", "install them (for example `apt install nodejs npm`)")
    INSTALLED.mkdir(parents=True, exist_ok=True)
    for name in FILES:
        shutil.copy(HERE / name, INSTALLED / name)
    stamp, lock = INSTALLED / "installed", (HERE / "package-lock.json").read_text()
    if not stamp.exists() or stamp.read_text() != lock:
        command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
        subprocess.run(command, cwd=INSTALLED, check=True, capture_output=True)
        stamp.write_text(lock)
    return INSTALLED / "talk.cjs"


@pytest.fixture(scope="module")
def front(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Front]:
    env = {"GATEWAY_ALIASES": f"gpt-4o-mini={CHAT}", "GATEWAY_SLOTS": "1"}
    with lmstudio_sockets() as server:
        with gateway_before(server.url, tmp_path_factory.mktemp("js"), env) as front:
            yield front


def talk(program: Path, front: Front, model: str, **options: str) -> Json:
    """What the program prints."""
    address = front.service.url.replace("http", "ws")
    done = subprocess.run(
        ["node", str(program), address, model, json.dumps(options)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    told = json.loads(done.stdout)
    assert isinstance(told, dict)
    return told


def token_halves(front: Front) -> tuple[str, str]:
    own = {"Authorization": f"Bearer {front.key}"}
    token = httpx.get(f"{front.service.url}/lectern/sdk-token", headers=own).json()["api_token"]
    identifier, _, passkey = token.removeprefix("sk-lm-").partition(":")
    return identifier, passkey


@pytest.mark.parametrize("form", ["key", "token"])
@pytest.mark.parametrize("model", [CHAT, "gpt-4o-mini"])
def test_a_programs_day(program: Path, front: Front, form: str, model: str) -> None:
    """`apiToken` of newer versions sets the same two fields as `token` does here."""
    identifier, passkey = token_halves(front) if form == "token" else ("me", front.key)
    told = talk(program, front, model, clientIdentifier=identifier, clientPasskey=passkey)
    assert told["identifier"] == CHAT, told
    assert told["pieces"] == ANSWER
    assert told["predicted"] == len(ANSWER)
    assert told["vectors"] == 20
    assert told["downloaded"] == [CHAT, CODER, EMBEDDER]
    assert "lacks the scope 'models:manage'" in told["loading"]
    assert "lacks the scope 'models:manage'" in told["configured"]
    assert "No loaded model satisfies" in told["nobody"]


@pytest.mark.parametrize(
    ("options", "words"),
    [({}, "A key is needed"), ({"clientPasskey": "lk-wrong"}, "not known here")],
)
def test_a_program_without_a_good_key(
    program: Path, front: Front, options: dict[str, str], words: str
) -> None:
    assert words in talk(program, front, CHAT, **options)["error"]
