"""Loading and unloading: by hand, just in time, a second time, and what an unload interrupts."""

from __future__ import annotations

import json
import socket

from tests.engine.asking import MESSAGES, Q8, client, events, get, post, slots
from tests.event_lines import event_lines
from tests.running import Service, wait_until

CHAT = "/v1/chat/completions"
ALL = [Q8, "lectern-101@f16", "lectern-101@q4_0"]


def loaded(service: Service) -> list[str]:
    models = get(service, "/api/v1/models").json()["models"]
    return [instance["id"] for model in models for instance in model["loaded_instances"]]


def unload(service: Service, name: str) -> None:
    answer = post(service, "/api/v1/models/unload", {"instance_id": name})
    assert answer.status_code == 200
    assert answer.json() == {"instance_id": name}


def asked(service: Service, name: str) -> str:
    answer = post(service, CHAT, {"model": name, "messages": MESSAGES, "max_tokens": 2})
    assert answer.status_code == 200, answer.text
    return str(answer.json()["model"])


def test_unknown_name_is_answered_by_a_loaded_model(own_engine: Service) -> None:
    assert asked(own_engine, "gpt-4o") == Q8
    unload(own_engine, Q8)
    assert asked(own_engine, "gpt-4o") == "lectern-101@f16"


def test_unknown_name_with_nothing_loaded_is_an_error(own_engine: Service) -> None:
    for name in ALL:
        unload(own_engine, name)
    answer = post(own_engine, CHAT, {"model": "gpt-4o", "messages": MESSAGES})
    assert answer.status_code == 400
    assert answer.json()["error"] == {
        "message": "No models loaded. Please load a model in the developer page or use the "
        "'lms load' command.",
        "type": "invalid_request_error",
        "param": "model",
        "code": None,
    }


def test_known_name_is_loaded_just_in_time(own_engine: Service) -> None:
    unload(own_engine, "lectern-101@q4_0")
    assert loaded(own_engine) == ALL[:2]
    entry = get(own_engine, "/api/v0/models/lectern-101@q4_0").json()
    assert entry["state"] == "not-loaded"
    assert "loaded_context_length" not in entry
    assert asked(own_engine, "lectern-101@q4_0") == "lectern-101@q4_0"
    assert loaded(own_engine) == ALL


def test_native_chat_tells_of_loading(own_engine: Service) -> None:
    unload(own_engine, Q8)
    body = {"model": "lectern-101", "input": "Hi", "stream": True, "max_output_tokens": 2}
    names = [name for name, _ in events(post(own_engine, "/api/v1/chat", body).text.split("\n"))]
    assert names[:3] == ["chat.start", "model_load.start", "model_load.end"]


def test_second_load_makes_a_second_instance(own_engine: Service) -> None:
    body = {"model": Q8, "context_length": 512, "echo_load_config": True}
    reply = post(own_engine, "/api/v1/models/load", body).json()
    assert reply["instance_id"] == f"{Q8}:2"
    assert reply["status"] == "loaded"
    assert reply["load_config"]["context_length"] == 512
    assert asked(own_engine, f"{Q8}:2") == f"{Q8}:2"
    assert f"{Q8}:2" in [entry["id"] for entry in get(own_engine, "/v1/models").json()["data"]]
    unload(own_engine, Q8)
    assert asked(own_engine, "lectern-101") == "lectern-101"
    assert slots(own_engine, f"{Q8}:2")["finished"] == 2


def test_loading_is_bounded(own_engine: Service) -> None:
    answers = [post(own_engine, "/api/v1/models/load", {"model": Q8}) for _ in range(6)]
    assert [answer.status_code for answer in answers] == [200] * 5 + [500]
    assert answers[-1].json()["error"]["type"] == "model_load_failed"


def test_context_length_must_fit_the_model(own_engine: Service) -> None:
    for length in (0, 4096, "many", True):
        body = {"model": Q8, "context_length": length}
        answer = post(own_engine, "/api/v1/models/load", body)
        assert answer.status_code == 400
        assert answer.json()["error"]["param"] == "context_length"


def test_unload_ends_what_is_under_way_with_an_error(own_slow_engine: Service) -> None:
    body = {"model": "slow", "messages": MESSAGES, "stream": True}
    with client(own_slow_engine) as http, http.stream("POST", CHAT, json=body) as answer:
        lines = event_lines(answer)
        first = next(lines)
        unload(own_slow_engine, "slow")
        told = events([first, *lines])
    sentence = "Model unloaded."
    assert told[-1] == ("error", {"error": {"message": sentence}, "message": sentence})
    assert loaded(own_slow_engine) == []


def test_sigterm_ends_it_cleanly(own_engine: Service) -> None:
    assert own_engine.stop() == 0
    assert "Traceback" not in own_engine.log


def test_sigterm_again_and_again_is_still_a_clean_end(own_engine: Service) -> None:
    assert own_engine.stop_impatiently() == 0, own_engine.log
    assert "Traceback" not in own_engine.log


def test_sigterm_ends_a_stream_that_will_not_end_by_itself(own_slow_engine: Service) -> None:
    body = {"model": "slow", "messages": MESSAGES, "stream": True}
    with client(own_slow_engine) as http, http.stream("POST", CHAT, json=body) as answer:
        lines = event_lines(answer)
        first = next(lines)
        own_slow_engine.process.terminate()
        told = events([first, *lines])
    assert told[-1][0] == "error"
    assert own_slow_engine.stop() == 0
    assert "Traceback" not in own_slow_engine.log


def test_sigterm_does_not_wait_for_a_caller_who_reads_nothing(own_slow_engine: Service) -> None:
    """Log probabilities make the answer larger than all buffers on its way: sending it blocks."""
    include = ["message.output_text.logprobs"]
    fields = {"input": "Hi", "stream": True, "max_output_tokens": 3000}
    body = json.dumps(fields | {"include": include, "top_logprobs": 20}).encode()
    head = f"POST /v1/responses HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n"

    def line(**wanted: int) -> bool:
        return slots(own_slow_engine, "slow").items() >= wanted.items()

    with socket.socket() as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        sock.connect(("127.0.0.1", own_slow_engine.port))
        sock.sendall(head.encode() + body)
        wait_until(lambda: line(active=1, generating=1), "llama.cpp at work")
        wait_until(lambda: line(active=1, generating=0), "all of it generated", timeout_s=300)
        assert own_slow_engine.stop() == 0


def test_sigterm_lets_a_short_answer_finish(own_engine: Service) -> None:
    body = {"model": Q8, "messages": MESSAGES, "stream": True, "max_tokens": 8}
    with client(own_engine) as http, http.stream("POST", CHAT, json=body) as answer:
        lines = event_lines(answer)
        first = next(lines)
        own_engine.process.terminate()
        told = events([first, *lines])
    assert told[-1] == (None, "[DONE]")
    assert own_engine.stop() == 0
