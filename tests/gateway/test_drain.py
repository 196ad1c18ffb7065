"""SIGTERM cuts no answer: what runs finishes, nothing new is taken, the exit code is 0."""

from __future__ import annotations

import signal
import threading
from pathlib import Path

import httpx

from tests.fault_upstream import Exchange, fault_upstream
from tests.gateway.conftest import gateway_before
from tests.running import wait_until

CHAT = "/v1/chat/completions"
BODY = {"model": "m", "stream": True, "messages": []}
CHUNK = b'data: {"choices":[{"index":0,"delta":{"content":"x"}}]}\n\n'
DONE = b"data: [DONE]\n\n"
STREAMS = 20


def test_running_streams_end_whole_and_new_requests_are_refused(folder: Path) -> None:
    go_on = threading.Event()

    def behave(exchange: Exchange) -> None:
        exchange.start_stream()
        exchange.chunk(CHUNK)
        go_on.wait(30)
        exchange.chunk(DONE)
        exchange.end_stream()

    env = {"GATEWAY_SLOTS": "64", "GATEWAY_MAX_WAITING_PER_KEY": "64"}
    with fault_upstream(behave) as upstream, gateway_before(upstream.url, folder, env) as front:
        contents: list[bytes] = []

        def ask() -> None:
            with httpx.Client(headers=front.client.headers, timeout=60) as own:
                contents.append(own.post(front.service.url + CHAT, json=BODY).content)

        askers = [threading.Thread(target=ask) for _ in range(STREAMS)]
        for asker in askers:
            asker.start()
        wait_until(lambda: len(upstream.seen) == STREAMS, "every stream to run")
        kept = httpx.Client(base_url=front.service.url, headers=front.client.headers)
        assert kept.get("/readyz").status_code == 200
        front.service.process.send_signal(signal.SIGTERM)
        wait_until(lambda: kept.get("/readyz").status_code == 503, "readiness to end")
        refused = kept.post(CHAT, json=BODY)
        assert refused.status_code == 503
        assert refused.json()["error"]["code"] == "shutting_down"
        assert refused.headers["retry-after"]
        kept.close()
        go_on.set()
        for asker in askers:
            asker.join()
        assert front.service.process.wait(20) == 0
    assert contents == [CHUNK + DONE] * STREAMS


def test_the_wait_for_running_answers_is_bounded(folder: Path) -> None:
    def behave(exchange: Exchange) -> None:
        exchange.start_stream()
        exchange.chunk(CHUNK)
        exchange.wait_until_caller_left()

    with fault_upstream(behave) as upstream:
        with gateway_before(upstream.url, folder, {"GATEWAY_DRAIN_S": "0.5"}) as front:
            with front.client.stream("POST", CHAT, json=BODY) as stream:
                assert next(stream.iter_raw()) == CHUNK
                assert front.service.stop() == 0
            assert upstream.seen[0].caller_left.wait(10)


def test_sigterm_again_and_again_is_still_a_clean_end(folder: Path) -> None:
    with gateway_before("http://127.0.0.1:9", folder) as front:
        process = front.service.process
        while process.poll() is None:
            process.terminate()
        assert process.returncode == 0, front.service.log
        assert "Traceback" not in front.service.log
