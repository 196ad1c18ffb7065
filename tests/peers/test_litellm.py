"""LiteLLM as a client, through the gateway in front of the engine."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.engine.asking import slots
from tests.litellm_python import litellm_python
from tests.peers.conftest import Door
from tests.running import Service, wait_until

HERE = Path(__file__).parent / "litellm"
MODEL = "lectern-101@q8_0"


@pytest.fixture
def told(gateway_door: Door, tmp_path: Path) -> dict[str, Any]:
    """What the program prints."""
    done = subprocess.run(
        [litellm_python(), HERE / "talk.py", gateway_door.url, gateway_door.key, MODEL],
        env={"HOME": str(tmp_path), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    assert isinstance(found, dict)
    return found


def test_a_programs_day(told: dict[str, Any], engine: Service) -> None:
    assert "token" in told["text"]
    assert told["finish"] == "stop"
    assert told["written"] > 1
    assert len(told["pieces"]) > 5
    assert "".join(told["pieces"]) == told["text"]
    assert told["streamed"] == told["written"]
    one, two = told["vectors"]
    assert one == two > 3
    assert told["left"]
    wait_until(lambda: slots(engine, MODEL)["active"] == 0, "the slot of the left stream")
    errors = {name: (told[name]["class"], told[name]["status"]) for name in ERRORS}
    assert errors == ERRORS
    assert MODEL in told["nobody"]["words"]


ERRORS = {
    "wrong_key": ("AuthenticationError", 401),
    "nobody": ("NotFoundError", 404),
    "too_long": ("ContextWindowExceededError", 400),
    "too_long_streamed": ("ContextWindowExceededError", 400),
    "bad": ("BadRequestError", 400),
}
