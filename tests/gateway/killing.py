"""A gateway that is killed in the middle of its work, and what its callers had seen by then.

Owns the callers and the kill. What must have survived is each test's matter.
"""

from __future__ import annotations

import signal
import threading

import httpx

from tests.gateway.conftest import Front

CHAT = "/v1/chat/completions"
BODY = {"model": "other", "stream": True, "messages": []}
CALLERS = 8


def ended_before_kill(front: Front, count: int) -> set[str]:
    """Streams without pause until more than `count` have ended, then SIGKILL; the ids of all."""
    seen: list[str] = []
    enough = threading.Event()

    def ask() -> None:
        with httpx.Client(base_url=front.service.url, headers=front.client.headers) as own:
            while True:
                try:
                    answer = own.post(CHAT, json=BODY)
                except httpx.HTTPError:
                    return
                if answer.content.endswith(b"data: [DONE]\n\n"):
                    seen.append(answer.headers["x-request-id"])
                if len(seen) > count:
                    enough.set()

    askers = [threading.Thread(target=ask) for _ in range(CALLERS)]
    for asker in askers:
        asker.start()
    assert enough.wait(60)
    front.service.process.send_signal(signal.SIGKILL)
    for asker in askers:
        asker.join()
    return set(seen)
