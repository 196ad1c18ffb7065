"""Twenty thousand requests that end in every way there is: nothing piles up, every row is there.

A first part warms the gateway up: caches, pools and the allocator take what they need. What is
measured is resident memory, files and threads at rest, before and after the second part.
"""

from __future__ import annotations

import asyncio
import re
import sqlite3
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from tests.gateway.conftest import Front, gateway_before
from tests.gateway.memory import open_files, resident_mb, threads
from tests.gateway.soak_callers import Crowd
from tests.gateway.soak_endings import ENDINGS, LEFT
from tests.running import ROOT, missing, wait_until

WARM_UP, REQUESTS = 12_000, 20_000
MORE = 0.05
ENV = {
    "GATEWAY_MAX_BODY_BYTES": "4096",
}
KEYS = {
    "main": "--rpm 1000000 --tpm 1000000000 --daily-tokens 2000000000 --concurrency 100",
    "crowd": "--rpm 1000000 --tpm 1000000000 --concurrency 6",
    "limited": "--rpm 60",
    "reader": "--scope models:read",
    "revoked": "",
}


@dataclass
class Rest:
    """What the gateway holds when nobody asks anything."""

    mb: float
    files: int
    threads: int


@dataclass
class Soak:
    """A gateway before the fast model server, and everybody's keys."""

    front: Front
    upstream: str
    keys: dict[str, str]

    @property
    def pid(self) -> int:
        return self.front.service.process.pid

    def rows(self) -> Counter[tuple[str, str, str]]:
        """How many rows there are of each key, model and outcome."""
        with sqlite3.connect(self.front.data / "lectern.db") as connection:
            query = "select key_name, model, outcome, count(*) from requests group by 1, 2, 3"
            found = connection.execute(query)
            return Counter({(key, model, outcome): n for key, model, outcome, n in found})

    def metric(self, name: str) -> int:
        """The sum of a metric over its labels."""
        headers = {"Authorization": f"Bearer {self.keys['ops']}"}
        page = httpx.get(self.front.service.url + "/metrics", headers=headers).text
        return int(sum(map(float, re.findall(rf"^{name}\{{.*\}} (.+)$", page, re.M))))

    def at_rest(self) -> Rest:
        """Waits until nothing runs, waits or is kept open, then looks."""
        busy = ("lectern_slots_running", "lectern_queue_waiting")
        wait_until(lambda: not any(map(self.metric, busy)), "every slot to be free")
        wait_until(lambda: httpx.get(f"{self.upstream}/open").text == "0", "sockets to close")
        return Rest(resident_mb(self.pid), open_files(self.pid), threads(self.pid))


@pytest.fixture
def soak(tmp_path: Path) -> Iterator[Soak]:
    if sys.platform != "linux":
        missing("/proc", "memory is read from there; run this on Linux")
    command = [sys.executable, "-m", "tests.gateway.soak_upstream"]
    env = {"PYTHONPATH": f"{ROOT}/services:{ROOT}"}
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=ROOT, env=env) as server:
        try:
            assert server.stdout is not None
            url = f"http://127.0.0.1:{int(server.stdout.readline())}"
            with gateway_before(url, tmp_path, ENV) as front:
                yield Soak(front, url, made_keys(front))
        finally:
            server.terminate()


def made_keys(front: Front) -> dict[str, str]:
    options = {**KEYS, "ops": "--scope admin"}
    keys = {
        name: front.lectern("keys", "create", "--name", name, *more.split()).stdout.strip()
        for name, more in options.items()
    }
    front.lectern("keys", "revoke", "revoked")
    return keys


def complaints(crowd: Crowd, rows: Counter[tuple[str, str, str]]) -> list[str]:
    """Where the ledger does not say what the callers saw."""
    wrong: list[str] = []
    unnamed: Counter[str] = Counter()  # rows of requests that ended before their model was read
    for ending in ENDINGS:
        seen = {what: n for (name, what), n in crowd.seen.items() if name == ending.name}
        strange = seen.keys() - ending.outcomes.keys()
        wrong += [f"{ending.name}: a caller saw {what!r}" for what in strange]
        model = "nobody" if ending.name == "no-such-model" else ending.name
        told = {o: n for (key, m, o), n in rows.items() if (key, m) == (ending.key, model)}
        rowless = sum(n for what, n in seen.items() if not ending.outcomes.get(what))
        unnamed[ending.key] += sum(seen.values()) - rowless - sum(told.values())
        for what, n in seen.items():
            may_be = ending.outcomes.get(what, ())
            if what != LEFT and LEFT not in seen and may_be and told.get(may_be[0], n) != n:
                wrong.append(f"{ending.name}: {n} callers saw {what}, {told} in the ledger")
    for key, n in unnamed.items():
        there = sum(count for (k, model, _), count in rows.items() if (k, model) == (key, ""))
        if n != there:
            wrong.append(f"{key}: {n} rows without a model's name expected, {there} there")
    return wrong


def test_nothing_piles_up_and_every_row_is_there(soak: Soak) -> None:
    crowd = Crowd(soak.front.service.port, soak.keys, seed=3)
    asyncio.run(crowd.ask(WARM_UP))
    before = soak.at_rest()
    asyncio.run(crowd.ask(REQUESTS))
    after = soak.at_rest()
    asked = sum(crowd.seen.values())
    assert asked == WARM_UP + REQUESTS
    keyless = sum(n for (name, _), n in crowd.seen.items() if name in ("revoked", "no-key"))
    wait_until(lambda: soak.rows().total() >= asked - keyless, "every row")
    rows = soak.rows()
    assert rows.total() == asked - keyless
    assert complaints(crowd, rows) == []
    assert soak.metric("lectern_requests_total") == asked
    assert after.mb == pytest.approx(before.mb, rel=MORE), (before, after)
    assert after.files <= before.files
    assert after.threads <= before.threads
    assert "Traceback" not in soak.front.service.log
