"""A stand-in for LM Studio on the host: our engine, listening where containers can reach it.

Owns one process on one address and port, which can end and come back.
"""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from tests.running import ROOT, Service, answers, wait_until


@dataclass
class HostEngine:
    """The engine on `address`:`port`, as LM Studio is with "Serve on Local Network"."""

    address: str
    port: int
    folder: Path
    models: Path
    service: Service | None = None

    @property
    def url(self) -> str:
        return f"http://{self.address}:{self.port}"

    def start(self) -> None:
        """Starts the process and returns when it is healthy."""
        environment = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(ROOT / "services"),
            "BIND_ADDR": self.address,
            "ENGINE_PORT": str(self.port),
            "ENGINE_TEACHING_DIR": str(self.models),
            "ENGINE_TOKENS_PER_SECOND": "0",
        }
        log_path = self.folder / "host-engine.log"
        with log_path.open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "engine"], cwd=ROOT, env=environment, stdout=log, stderr=log
            )
        self.service = Service("engine", self.url, self.port, process, log_path)
        wait_until(lambda: answers(f"{self.url}/healthz"), "the host's engine to answer")

    def kill(self) -> None:
        """Ends the process without warning, as a crash does."""
        assert self.service is not None
        self.service.process.kill()
        self.service.process.wait()

    def stop(self) -> None:
        if self.service is not None:
            self.service.stop()
