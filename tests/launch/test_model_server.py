"""Which model server is chosen, and the sentence that says why."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from launch.model_server import Answer, Decision, View, blocked, decide, probe
from launch.models import chat_model, choose
from launch.settings import DEFAULT_LMSTUDIO_URL
from tests.launch.places import BRIDGE, DESKTOP, NATIVE

LMSTUDIO = Answer(lmstudio=True, models=True)
OURS = Answer(lmstudio=True, models=True, ours=True)
OTHER = Answer(models=True)


def decided(
    view: View, servers: dict[str, Answer] | None = None, url: str = DEFAULT_LMSTUDIO_URL
) -> Decision:
    """The decision where `servers`, named by their host, answer on port 1234."""
    answers = {f"http://{host}:1234": answer for host, answer in (servers or {}).items()}
    return decide(url, view, lambda asked: answers.get(asked, Answer()))


@pytest.mark.parametrize(
    ("view", "service_url"),
    [
        (BRIDGE, "http://host.docker.internal:1234"),
        (DESKTOP, "http://host.docker.internal:1234"),
        (NATIVE, "http://127.0.0.1:1234"),
    ],
)
def test_lm_studio_that_the_services_can_reach_is_used(view: View, service_url: str) -> None:
    decision = decided(view, {view.host_address: LMSTUDIO})
    assert decision.service_url == service_url
    assert decision.host_url == f"http://{view.host_address}:1234"
    assert "LM Studio answers" in decision.line


@pytest.mark.parametrize("view", [BRIDGE, DESKTOP, NATIVE])
def test_the_engine_stands_in_where_nothing_answers(view: View) -> None:
    decision = decided(view)
    assert decision.service_url is None
    assert "the bundled engine stands in" in decision.line
    assert "Serve on Local Network" not in decision.line


def test_lm_studio_on_loopback_alone_is_explained_with_the_remedy() -> None:
    decision = decided(BRIDGE, {"127.0.0.1": LMSTUDIO})
    assert decision.service_url is None
    assert "LM Studio answers at http://127.0.0.1:1234, but only on" in decision.line
    assert '"Serve on Local Network"' in decision.line
    assert "lms server start --bind 0.0.0.0" in decision.line


@pytest.mark.parametrize("view", [BRIDGE, DESKTOP, NATIVE])
def test_our_own_engine_is_never_taken_for_lm_studio(view: View) -> None:
    decision = decided(view, {"127.0.0.1": OURS, "172.17.0.1": OURS})
    assert decision.service_url is None
    assert "Serve on Local Network" not in decision.line


def test_localhost_means_this_machine_to_a_container_too() -> None:
    decision = decided(BRIDGE, {"172.17.0.1": LMSTUDIO}, "http://localhost:1234")
    assert decision.service_url == "http://host.docker.internal:1234"


@pytest.mark.parametrize("answer", [LMSTUDIO, OTHER, OURS])
def test_another_machine_is_used_as_it_was_named(answer: Answer) -> None:
    decision = decided(BRIDGE, {"192.168.1.9": answer}, "http://192.168.1.9:1234")
    assert decision.service_url == decision.host_url == "http://192.168.1.9:1234"


def test_another_server_on_this_machine_counts_only_when_it_was_named() -> None:
    assert decided(NATIVE, {"127.0.0.1": OTHER}).service_url is None
    named = decided(NATIVE, {"127.0.0.1": OTHER}, "http://127.0.0.1:1234")
    assert named.service_url == "http://127.0.0.1:1234"
    assert named.line.startswith("A model server answers")


def test_a_container_that_is_shut_out_is_told_apart() -> None:
    decision = blocked(decided(BRIDGE, {"172.17.0.1": LMSTUDIO}))
    assert decision.service_url is None
    assert "firewall" in decision.line
    assert "engine stands in" in decision.line


@contextmanager
def serving(pages: dict[str, object], headers: dict[str, str] | None = None) -> Iterator[str]:
    """A server with `pages` as JSON; LM Studio's 200 with an error for every other path."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            wrong = {"error": f"Unexpected endpoint or method. (GET {self.path})"}
            body = json.dumps(pages.get(self.path, wrong)).encode()
            self.send_response(200)
            for name, value in {"Content-Length": str(len(body)), **(headers or {})}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *arguments: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


GREETING: dict[str, object] = {"/lmstudio-greeting": {"lmstudio": True}}


def test_the_greeting_is_lm_studio() -> None:
    with serving(GREETING) as url:
        assert probe(url) == LMSTUDIO


def test_the_engines_header_marks_it_as_ours() -> None:
    with serving(GREETING, {"X-Lectern-Engine": "1"}) as url:
        assert probe(url) == OURS


def test_a_server_that_only_lists_models_is_another_one() -> None:
    with serving({"/v1/models": {"data": []}}) as url:
        assert probe(url) == OTHER


def test_200_with_an_error_is_nothing() -> None:
    with serving({}) as url:
        assert probe(url) == Answer()


def test_nobody_there_is_nothing() -> None:
    with serving({}) as url:
        pass
    assert probe(url) == Answer()


def test_a_loaded_chat_model_comes_first() -> None:
    entries = [
        {"id": "nomic", "type": "embeddings", "state": "loaded"},
        {"id": "big", "type": "llm", "state": "not-loaded"},
        {"id": "small", "type": "llm", "state": "loaded"},
    ]
    assert choose(entries) == "small"
    assert choose(entries[:2]) == "big"
    assert choose(entries[:1]) is None


def test_the_model_is_found_on_servers_without_lm_studios_own_list() -> None:
    with serving({"/v1/models": {"data": [{"id": "only"}]}}) as url:
        assert chat_model(url) == "only"
