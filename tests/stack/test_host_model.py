"""The stack in containers, its model server on the host: built, asked, robbed of its model.

The stand-in for LM Studio is a real engine, reached through `host.docker.internal`.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from launch.commands import Commands
from launch.compose import Compose
from launch.settings import Settings
from tests.browser.pages import visit
from tests.running import ROOT, answers, free_port, wait_until
from tests.stack.host_engine import HostEngine
from tests.stack.project import Project, ask, project

pytestmark = [pytest.mark.docker, pytest.mark.usefixtures("docker")]
FRONTS = ("streamlit", "gradio", "gateway")
UIS = ("streamlit", "gradio")
# The model's name stands in a text or, in a picker, as the value of a field.
OFFERS_MODEL = """() => document.body.innerText.includes("lectern-101")
    || [...document.querySelectorAll("input")].some(field => field.value.includes("lectern-101"))"""
HEALTH = {"streamlit": "/_stcore/health", "gradio": "/healthz", "gateway": "/healthz"}


@pytest.fixture(scope="module")
def host_engine(docker: str, run_folder: Path, teaching_models: Path) -> Iterator[HostEngine]:
    assert docker
    view = Compose(Commands(ROOT), Settings({}), os.environ, print).view()
    engine = HostEngine(view.host_address, free_port(), run_folder, teaching_models)
    engine.start()
    yield engine
    engine.stop()


@pytest.fixture(scope="module")
def stack(host_engine: HostEngine) -> Iterator[Project]:
    url = f"http://host.docker.internal:{host_engine.port}"
    with project("host", LMSTUDIO_URL=url) as stack:
        stack.compose("up", "--detach", "--build", "--wait", *FRONTS)
        yield stack


@pytest.fixture(scope="module")
def key(stack: Project) -> str:
    return stack.new_key("ana")


def test_plain_compose_starts_three_healthy_services(stack: Project) -> None:
    assert {name: stack.health(name) for name in stack.containers()} == dict.fromkeys(
        FRONTS, "healthy"
    )


@pytest.mark.parametrize("name", FRONTS)
def test_a_container_can_do_little(stack: Project, name: str) -> None:
    host = stack.containers()[name]["HostConfig"]
    assert host["ReadonlyRootfs"] is True
    assert host["CapDrop"] == ["ALL"]
    assert host["SecurityOpt"] == ["no-new-privileges:true"]
    assert host["Memory"] > 0
    script = "import os; print(os.getuid()); open('/app/written', 'w')"
    done = stack.run("docker", "compose", "exec", "-T", name, "python", "-c", script)
    assert int(done.stdout) > 0
    assert "Read-only file system" in done.stderr or "Permission denied" in done.stderr


@pytest.mark.parametrize("name", FRONTS)
def test_ports_are_published_on_loopback_alone(stack: Project, name: str) -> None:
    bindings = stack.containers()[name]["HostConfig"]["PortBindings"]
    hosts = {binding["HostIp"] for entries in bindings.values() for binding in entries}
    assert hosts == {"127.0.0.1"}


def test_without_a_key_the_gateway_refuses_in_openais_shape(stack: Project) -> None:
    reply = stack.chat(key=None)
    assert reply.status == 401
    assert reply.json["error"]["code"] == "invalid_api_key"
    assert reply.json["error"]["message"]


def test_a_chat_through_the_gateway_is_answered_by_the_hosts_model(
    stack: Project, key: str
) -> None:
    wait_until(lambda: stack.chat(key).status == 200, "the new key to be accepted")
    reply = stack.chat(key)
    assert reply.json["choices"][0]["message"]["content"].strip()


def test_a_streamed_chat_comes_to_its_end(stack: Project, key: str) -> None:
    wait_until(lambda: stack.chat(key).status == 200, "the new key to be accepted")
    reply = stack.chat(key, stream=True)
    assert reply.text.count("data: {") > 3
    assert reply.text.rstrip().endswith("data: [DONE]")


def test_keys_survive_a_new_container(stack: Project, key: str) -> None:
    before = stack.starts()["gateway"]
    stack.compose("up", "--detach", "--wait", "--force-recreate", "gateway")
    assert stack.starts()["gateway"] != before
    wait_until(lambda: stack.chat(key).status == 200, "the old key to be accepted")


def test_when_the_model_server_dies_each_part_says_so_and_recovers(
    stack: Project, key: str, host_engine: HostEngine, browser: Browser
) -> None:
    wait_until(lambda: stack.chat(key).status == 200, "the key to be accepted")
    before = stack.starts()
    host_engine.kill()

    reply = stack.chat(key)
    assert reply.status in (502, 503)
    assert reply.json["error"]["message"]
    readiness = f"{stack.url('gateway')}/readyz"
    wait_until(lambda: ask(readiness).json["status"] == "degraded", "/readyz to say degraded")
    for name in FRONTS:
        assert answers(stack.url(name) + HEALTH[name]), f"{name} is not healthy without a model"
    for name in UIS:
        with visit(browser, stack.url(name)) as seen:
            wait_until(
                lambda seen=seen: "No model server answers" in seen.text(),  # type: ignore[misc]
                f"{name} to say that no model server answers",
            )

    host_engine.start()
    wait_until(lambda: stack.chat(key).status == 200, "the gateway to recover")
    wait_until(lambda: ask(readiness).json["status"] == "ready", "/readyz to say ready")
    for name in UIS:
        with visit(browser, stack.url(name)) as seen:
            wait_until(
                lambda seen=seen: seen.page.evaluate(OFFERS_MODEL),  # type: ignore[misc]
                f"{name} to offer the model again",
            )
            assert "No model server answers" not in seen.text()
    assert stack.starts() == before
