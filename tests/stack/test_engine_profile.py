"""The stack with the bundled engine: `make demo` where there is no LM Studio, and plain Compose."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator

import pytest

from tests.running import free_port, wait_until
from tests.stack.project import Project, ask, project

pytestmark = [pytest.mark.docker, pytest.mark.usefixtures("docker")]
SERVICES = {"streamlit", "gradio", "gateway", "engine"}
TEACHING_MODELS = {"lectern-101@f16", "lectern-101@q8_0", "lectern-101@q4_0"}


@pytest.fixture(scope="module")
def stack(docker: str) -> Iterator[Project]:
    assert docker
    # A port of the host where nobody listens: no LM Studio here, whatever this machine runs.
    with project("engine", LMSTUDIO_URL=f"http://host.docker.internal:{free_port()}") as stack:
        yield stack


@pytest.fixture(scope="module")
def launched(stack: Project) -> subprocess.CompletedProcess[str]:
    """The first `make demo`."""
    done = stack.launch("demo")
    assert done.returncode == 0, done.stderr
    return done


@pytest.fixture(scope="module")
def demo_key(stack: Project, launched: subprocess.CompletedProcess[str]) -> str:
    assert launched
    return stack.launch("demo-key").stdout.strip()


def test_make_demo_starts_everything_and_says_where(
    stack: Project, launched: subprocess.CompletedProcess[str]
) -> None:
    assert {name: stack.health(name) for name in stack.containers()} == dict.fromkeys(
        SERVICES, "healthy"
    )
    assert "the bundled engine stands in" in launched.stderr
    for name in SERVICES:
        assert stack.url(name) in launched.stdout


def test_the_printed_curl_line_streams_an_answer(
    launched: subprocess.CompletedProcess[str],
) -> None:
    line = next(line for line in launched.stdout.splitlines() if line.startswith("curl "))
    done = subprocess.run(["bash", "-c", line], capture_output=True, text=True, check=False)
    assert done.stdout.count("data: {") > 3, done.stderr
    assert done.stdout.rstrip().endswith("data: [DONE]")


def test_a_second_make_demo_changes_nothing(
    stack: Project, launched: subprocess.CompletedProcess[str]
) -> None:
    before = stack.starts()
    again = stack.launch("demo")
    assert again.returncode == 0, again.stderr
    assert stack.starts() == before
    assert again.stdout == launched.stdout


@pytest.mark.usefixtures("launched")
def test_plain_compose_with_the_profile_means_the_same(stack: Project) -> None:
    before = stack.starts()
    stack.compose("up", "--detach", "--wait", LMSTUDIO_URL="http://engine:1234")
    assert stack.starts() == before


def test_the_teaching_model_comes_in_all_its_quantizations(stack: Project, demo_key: str) -> None:
    reply = ask(f"{stack.url('gateway')}/v1/models", demo_key)
    assert {model["id"] for model in reply.json["data"]} >= TEACHING_MODELS


@pytest.mark.usefixtures("launched")
def test_a_key_is_alone_on_standard_output(stack: Project) -> None:
    done = stack.launch("key", "ana")
    key = done.stdout.removesuffix("\n")
    assert key.startswith("lk-")
    assert "\n" not in key
    wait_until(lambda: stack.chat(key).status == 200, "the new key to be accepted")


def test_the_engine_can_go_and_come_back(stack: Project, demo_key: str) -> None:
    assert stack.chat(demo_key).status == 200
    stack.compose("kill", "engine")
    reply = stack.chat(demo_key)
    assert reply.status in (502, 503)
    assert reply.json["error"]["message"]
    assert stack.launch("demo").returncode == 0
    wait_until(lambda: stack.chat(demo_key).status == 200, "the gateway to recover")


@pytest.mark.usefixtures("launched")
def test_down_leaves_no_container(stack: Project) -> None:
    done = stack.launch("down")
    assert done.returncode == 0, done.stderr
    listing = stack.run("docker", "ps", "-aq", "--filter", f"name={stack.name}")
    assert listing.stdout == ""
    assert "make demo" in stack.launch("key", "bob").stderr
