"""Programs call the model by name with Gradio's own client: bounded, freed when they leave."""

from __future__ import annotations

import subprocess
import sys
from itertools import islice
from pathlib import Path

import httpx
import pytest
from gradio_client import Client
from gradio_client.exceptions import AppError

from gradio_ui import tools as bounds
from gradio_ui.endpoints import UNHEARD_S, YIELD_EVERY_S
from tests.gradio_ui.upstream import MODEL, SEES, Upstream
from tests.running import Service, running, wait_until


@pytest.fixture
def client(service: Service) -> Client:
    return Client(service.url, verbose=False)


def test_two_endpoints_have_names_and_no_other(service: Service) -> None:
    info = httpx.get(f"{service.url}/gradio_api/info", trust_env=False).json()
    assert set(info["named_endpoints"]) == {"/ask", "/models"}
    assert info["unnamed_endpoints"] == {}
    names = [each["parameter_name"] for each in info["named_endpoints"]["/ask"]["parameters"]]
    assert names == ["question", "model", "system_prompt", "temperature", "max_tokens"]


def test_a_program_asks_the_model(client: Client, server: Upstream) -> None:
    assert [model["id"] for model in client.predict(api_name="/models")] == [MODEL, SEES]
    reply = client.predict(
        "What is a token?", system_prompt="Be kind.", max_tokens=9, api_name="/ask"
    )
    assert reply["answer"].strip() == "You asked: What is a token?"
    assert (reply["model"], reply["finish_reason"]) == (MODEL, "stop")
    body = server.bodies[-1]
    assert body["messages"][0] == {"role": "system", "content": "Be kind."}
    assert (body["max_tokens"], body["temperature"]) == (9, 0.7)


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"model": "nope"}, f"There is: {MODEL}, {SEES}."),
        ({"max_tokens": bounds.MOST_TOKENS + 1}, "max_tokens"),
        ({"temperature": 3}, "Temperature"),
        ({"question": "a" * (bounds.MOST_QUESTION_CHARS + 1)}, "question"),
        ({"question": " "}, "empty"),
    ],
)
def test_a_call_out_of_bounds_is_refused_in_words(
    client: Client, server: Upstream, wrong: dict[str, object], says: str
) -> None:
    before = len(server.bodies)
    with pytest.raises(AppError, match=says):
        client.predict(**({"question": "hello"} | wrong), api_name="/ask")
    assert len(server.bodies) == before


def test_a_cancelled_call_frees_the_model(client: Client, server: Upstream) -> None:
    job = client.submit("endless", api_name="/ask")
    wait_until(lambda: server.open == 1, "the answer to begin")
    job.cancel()
    wait_until(lambda: server.open == 0, "the model to be free")


def test_a_program_that_dies_frees_the_model_and_its_place_in_line(
    service: Service, client: Client, server: Upstream
) -> None:
    code = (
        "import gradio_client\n"
        f"client = gradio_client.Client('{service.url}', verbose=False)\n"
        "for _ in client.submit('endless', api_name='/ask'):\n"
        "    print('heard', flush=True)\n"
    )
    command = [sys.executable, "-c", code]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as first:
        assert first.stdout is not None
        assert first.stdout.readline() == "heard\n"
        waiting = client.submit("next please", api_name="/ask")
        first.kill()
        assert waiting.result(timeout=60)["answer"].strip() == "You asked: next please"
    wait_until(lambda: server.open == 0, "the model to be free")


def test_a_call_whose_answer_nobody_reads_gives_its_place_back(
    service: Service, client: Client, server: Upstream
) -> None:
    """Only the first half of Gradio's HTTP protocol: the call is made, its stream never opened."""
    url = f"{service.url}/gradio_api/call/ask"
    data = ["endless", "", "", 0.7, 9]
    call = httpx.post(url, json={"data": data}, trust_env=False).json()["event_id"]
    wait_until(lambda: server.open == 1, "the answer to begin")
    waiting = client.submit("next please", api_name="/ask")
    assert waiting.result(timeout=60)["answer"].strip() == "You asked: next please"
    wait_until(lambda: server.open == 0, "the model to be free")
    late = httpx.get(f"{url}/{call}", timeout=30, trust_env=False).text
    assert "nobody read it" in late


def test_a_call_that_is_read_goes_on_for_longer_than_one_that_is_not(
    service: Service, server: Upstream
) -> None:
    url = f"{service.url}/gradio_api/call/ask"
    data = ["endless", "", "", 0.7, 9]
    call = httpx.post(url, json={"data": data}, trust_env=False).json()["event_id"]
    with httpx.stream("GET", f"{url}/{call}", timeout=30, trust_env=False) as read:
        told = (line for line in read.iter_lines() if line.startswith("event:"))
        longer = list(islice(told, int(UNHEARD_S / YIELD_EVERY_S) + 4))
    assert set(longer) == {"event: generating"}
    wait_until(lambda: server.open == 0, "the model to be free")


def test_a_service_with_a_call_under_way_ends_at_once(tmp_path: Path, server: Upstream) -> None:
    env = {"LMSTUDIO_URL": server.url, "GRADIO_MCP": "true"}
    with running("gradio_ui", tmp_path, env) as service:
        Client(service.url, verbose=False).submit("endless", api_name="/ask")
        wait_until(lambda: server.open == 1, "the answer to begin")
        assert service.stop(timeout_s=30) == 0
        wait_until(lambda: server.open == 0, "the model to be free")
        assert "Traceback" not in service.log
