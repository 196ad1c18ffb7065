"""The story of a start, told to a runtime that only writes down what it is asked."""

from __future__ import annotations

import pytest

from launch.catalogue import FRONTS, GRADIO
from launch.commands import Outcome
from launch.errors import LaunchError
from launch.model_server import Answer
from launch.start import new_key, status
from tests.launch.places import NATIVE, Machine, RecordingRuntime

LMSTUDIO = {"http://172.17.0.1:1234": Answer(lmstudio=True, models=True)}
ALL_PORTS = {"streamlit": 8501, "gradio": 7860, "gateway": 8000, "engine": 1234}


def test_without_lm_studio_the_engine_is_started_too() -> None:
    runtime, machine = RecordingRuntime(), Machine()
    machine.launcher(runtime).start(FRONTS)
    assert runtime.up == ALL_PORTS
    assert runtime.plans[0].lmstudio_url == "http://engine:1234"
    assert runtime.prepared == [["streamlit", "gradio", "gateway", "engine"]]


def test_with_lm_studio_no_engine_is_started() -> None:
    runtime, machine = RecordingRuntime(), Machine(LMSTUDIO)
    machine.launcher(runtime).start(FRONTS)
    assert set(runtime.up) == {"streamlit", "gradio", "gateway"}
    assert runtime.plans[0].lmstudio_url == "http://host.docker.internal:1234"


def test_a_container_that_cannot_reach_lm_studio_gets_the_engine() -> None:
    runtime, machine = RecordingRuntime(reachable=False), Machine(LMSTUDIO)
    machine.launcher(runtime).start(FRONTS)
    assert runtime.up == ALL_PORTS
    assert ["engine"] in runtime.prepared
    assert "firewall" in machine.text


def test_a_second_start_plans_the_same() -> None:
    runtime, machine = RecordingRuntime(), Machine()
    launcher = machine.launcher(runtime)
    launcher.start(FRONTS)
    machine.taken = set(runtime.up.values())
    machine.servers["http://127.0.0.1:1234"] = Answer(lmstudio=True, models=True, ours=True)
    launcher.start(FRONTS)
    assert runtime.plans[0] == runtime.plans[1]


def test_one_front_alone() -> None:
    runtime, machine = RecordingRuntime(), Machine()
    machine.launcher(runtime).start([GRADIO])
    assert set(runtime.up) == {"gradio", "engine"}
    assert "Demo key" not in machine.text


def test_what_runs_already_follows_a_changed_decision() -> None:
    runtime, machine = RecordingRuntime(up={"gateway": 8000, "engine": 1234}), Machine(LMSTUDIO)
    machine.taken = {8000, 1234}
    machine.launcher(runtime).start([GRADIO])
    assert runtime.up == {"gateway": 8000, "gradio": 7860}


def test_a_taken_port_refuses_before_anything_happens() -> None:
    runtime, machine = RecordingRuntime(), Machine(taken={7860})
    with pytest.raises(LaunchError, match="Port 7860"):
        machine.launcher(runtime).start(FRONTS)
    assert runtime.prepared == []
    assert runtime.plans == []


def test_the_engine_moves_to_a_free_port_and_says_so() -> None:
    runtime, machine = RecordingRuntime(), Machine(taken={1234})
    launcher = machine.launcher(runtime)
    launcher.start(FRONTS)
    assert runtime.up["engine"] == 1235
    assert "Port 1234 is taken by nginx (process 1234): the engine is published on 1235" in (
        machine.text
    )
    machine.taken = set(runtime.up.values())  # 1234 is free again: that moves nothing
    launcher.start(FRONTS)
    assert runtime.plans[0] == runtime.plans[1]


def test_an_engine_port_asked_for_by_name_is_not_moved() -> None:
    runtime, machine = RecordingRuntime(), Machine(taken={5000})
    with pytest.raises(LaunchError, match="ENGINE_PORT=5001"):
        machine.launcher(runtime, ENGINE_PORT="5000").start(FRONTS)
    assert runtime.plans == []


def test_natively_the_services_reach_the_engine_on_its_own_port() -> None:
    runtime, machine = RecordingRuntime(seen_as=NATIVE), Machine(taken={1234})
    machine.launcher(runtime).start(FRONTS)
    assert runtime.plans[0].lmstudio_url == "http://127.0.0.1:1235"


def test_the_table_names_every_address_and_the_key() -> None:
    runtime, machine = RecordingRuntime(), Machine()
    machine.launcher(runtime, GATEWAY_PORT="8100").start(FRONTS)
    for expected in ("http://127.0.0.1:8501", "http://127.0.0.1:8100", "lk-secret"):
        assert expected in machine.text


def test_a_key_needs_a_running_gateway() -> None:
    with pytest.raises(LaunchError, match="make demo"):
        new_key(RecordingRuntime(), "ana")


def test_a_key_is_the_gateways_own_line() -> None:
    runtime = RecordingRuntime(up={"gateway": 8000})
    assert new_key(runtime, "ana") == "lk-secret"
    assert runtime.asked == [("keys", "create", "--name", "ana")]


def test_a_refused_key_gives_the_gateways_words() -> None:
    runtime = RecordingRuntime(up={"gateway": 8000}, key=Outcome(1, "", "There is one already.\n"))
    with pytest.raises(LaunchError, match="There is one already"):
        new_key(runtime, "ana")


def test_status_tells_healthy_from_not() -> None:
    runtime = RecordingRuntime(up={"gateway": 8000, "streamlit": 8501})
    rows = status(
        Machine().launcher(runtime).settings,
        runtime,
        lambda url: url == "http://127.0.0.1:8000/healthz",
    )
    assert rows[0] == ("Gateway", "http://127.0.0.1:8000   healthy")
    assert "NOT healthy" in rows[1][1]
