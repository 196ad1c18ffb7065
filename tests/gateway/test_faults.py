"""Whatever the model server does wrong, every SDK raises its own exception, in time, for one row.

The table is `faults.FAULTS` times `sdk_calls.CALLS`. All calls of a fault run at once, through one
gateway; each has a model name of its own, by which its row is found.
"""

from __future__ import annotations

import asyncio
import re
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass

import httpx
import pytest

from tests.fault_upstream import fault_upstream
from tests.gateway.conftest import Front, gateway_before
from tests.gateway.faults import AWAY, FAULTS, Fault, expected_text, misbehave
from tests.gateway.misbehaviour import SILENCE_S, close_before_headers
from tests.gateway.sdk_calls import CALLS, Call
from tests.gateway.sdks import Sdks, sdks
from tests.running import free_port, wait_until

ENV = {"GATEWAY_ANSWER_TIMEOUT_S": str(SILENCE_S), "GATEWAY_SLOTS": "1"}
BOUND_S = 30.0  # for a busy machine; what counts is that a call ends by itself
NOT_THERE = Fault("not-there", close_before_headers, AWAY, "the connection was refused")


@dataclass
class Watched:
    """A gateway, and a key that may read its counters."""

    front: Front
    admin: str

    def taken(self) -> float:
        """Slots in use and requests in line, of all models."""
        page = httpx.get(
            self.front.service.url + "/metrics", headers={"Authorization": f"Bearer {self.admin}"}
        )
        figures = re.findall(
            r"^lectern_(?:slots_running|queue_waiting)\{.*\} (.+)$", page.text, re.M
        )
        return sum(map(float, figures))

    def rows(self, model: str) -> list[tuple[str, int]]:
        with sqlite3.connect(self.front.data / "lectern.db") as connection:
            found = connection.execute(
                "select outcome, status from requests where model = ?", (model,)
            )
            return [(str(outcome), int(status)) for outcome, status in found]


def watched(front: Front) -> Watched:
    made = front.new_key("ops", "--scope", "admin")
    return Watched(front, made)


@pytest.fixture(scope="module")
def faulty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    """A gateway before a model server that does what the model's name says."""
    folder = tmp_path_factory.mktemp("faulty")
    with fault_upstream(misbehave) as upstream:
        with gateway_before(upstream.url, folder, ENV) as front:
            yield watched(front)


def wrong(fault: Fault, call: Call, raised: BaseException | None, text: str | None) -> str:
    """What is wrong with how a call ended, or an empty string."""
    if not fault.words:
        return "" if text == expected_text(call.path) else f"ended with {raised!r} and {text!r}"
    if raised is None:
        return f"ended as if all were well, with {text!r}"
    if not isinstance(raised, call.errors):
        return f"raised no exception of its SDK: {raised!r}"
    if not re.search(fault.words, str(raised)):
        return f"does not say {fault.words!r}: {raised}"
    status = fault.streamed if call.streamed else fault.status
    said = getattr(raised, "status_code", None)  # LM Studio's own routes: part of the text
    if status is not None and said != status and not str(raised).startswith(f"{status}: "):
        return f"has status {said} instead of {status}: {raised!r}"
    return ""


async def ended(fault: Fault, call: Call, to: Sdks) -> str:
    """Makes one call and judges its end."""
    raised: BaseException | None = None
    text: str | None = None
    try:
        async with asyncio.timeout(BOUND_S):
            text = await call.ask(to, f"{fault.name}/{call.name}")
    except Exception as error:
        raised = error
    complaint = wrong(fault, call, raised, text)
    return f"{call.name} {complaint}" if complaint else ""


def calls_of(fault: Fault) -> list[Call]:
    kinds = {"streamed": (True,), "whole": (False,)}.get(fault.only, (True, False))
    return [call for call in CALLS if call.streamed in kinds]


async def meet(fault: Fault, before: Watched) -> None:
    """All calls of a fault at once; asserts their ends, their rows and that nothing stays taken."""
    calls = calls_of(fault)
    async with sdks(before.front.service.url, before.front.key) as to:
        complaints = await asyncio.gather(*(ended(fault, call, to) for call in calls))
    assert [complaint for complaint in complaints if complaint] == []
    for call in calls:
        (row,) = before.rows(f"{fault.name}/{call.name}")  # written before its caller saw the end
        expected = (call.streamed and fault.streamed_outcome) or fault.outcome
        assert row[0] == expected, call.name
    wait_until(lambda: before.taken() == 0, "every slot to be free")


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
async def test_every_sdk_raises_its_own_exception(faulty: Watched, fault: Fault) -> None:
    await meet(fault, faulty)


async def test_a_model_server_that_is_not_there(tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("alone")
    with gateway_before(f"http://127.0.0.1:{free_port()}", folder, ENV) as front:
        await meet(NOT_THERE, watched(front))


def test_failures_in_a_row_let_no_unknown_model_pass(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    """A single model server that fails has its models still, and no others."""
    folder = tmp_path_factory.mktemp("failing")
    with fault_upstream(lambda exchange: exchange.die(), b'{"data": [{"id": "m"}]}') as upstream:
        with gateway_before(upstream.url, folder, ENV) as front:
            for _ in range(5):
                answer = front.client.post("/v1/embeddings", json={"model": "m"})
                assert answer.status_code == 502
            assert front.client.post("/v1/embeddings", json={"model": "x"}).status_code == 404
