"""Runs the documents' examples as a reader would, on the real gateway and the teaching model.

Only the address and `make` are replaced: keys come from the gateway under test, not from the
launcher, which has tests of its own.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from tests.running import ROOT, Service, missing

ADDRESS = "http://127.0.0.1:8000"
MAKE = """#!{python}
import os, shlex, sys
words = [word[len("ARGS="):] for word in sys.argv if word.startswith("ARGS=")]
if not words:
    print({key!r})
    sys.exit()
environment = {{"PATH": os.environ["PATH"], "PYTHONPATH": {services!r}}}
environment["GATEWAY_DATA_DIR"] = {data!r}
os.execve({python!r}, [{python!r}, "-m", "gateway", *shlex.split(words[0])], environment)
"""


@dataclass
class Reader:
    """Somebody who types the examples, with a key; `folder` holds their tools."""

    gateway: Service
    key: str
    data: Path
    folder: Path

    def shell(self, code: str) -> str:
        """Runs a block of shell code and returns what it prints."""
        bash = shutil.which("bash")
        if bash is None or shutil.which("curl") is None:
            missing("bash and curl", "the documents' examples use them")
        services = str(ROOT / "services")
        make = MAKE.format(
            python=sys.executable, key=self.key, services=services, data=str(self.data)
        )
        self._tool("make", make)
        self._tool("python3", f'#!/bin/sh\nexec {sys.executable} "$@"\n')
        return self._run([bash, "-euo", "pipefail", "-c", self.here(code)])

    def python(self, code: str, interpreter: str = sys.executable) -> str:
        """Runs a Python program."""
        return self._run([interpreter, "-c", self.here(code)])

    def node(self, code: str, *options: str) -> str:
        """Runs a JavaScript module."""
        node = shutil.which("node")
        if node is None:
            missing("Node", "install it (for example `apt install nodejs`)")
        program = self.folder / "chat.mjs"
        program.write_text(self.here(code))
        return self._run([node, *options, str(program)])

    def here(self, text: str) -> str:
        """The text with the address of the gateway under test."""
        return text.replace(ADDRESS, self.gateway.url)

    def _tool(self, name: str, text: str) -> None:
        path = self.folder / name
        path.write_text(text)
        path.chmod(0o755)

    def _run(self, command: list[str]) -> str:
        environment = {
            "PATH": f"{self.folder}:{os.environ['PATH']}",
            "LANG": "C.UTF-8",
            "LECTERN_KEY": self.key,
            "LITELLM_LOCAL_MODEL_COST_MAP": "True",  # else it asks the network at import
        }
        done = subprocess.run(
            command, env=environment, capture_output=True, text=True, timeout=180, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout
