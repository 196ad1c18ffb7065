"""The rules that `docker-compose.yml` keeps, read from the file itself: no Docker needed."""

from __future__ import annotations

import re
from typing import Any

import pytest
import yaml

from gateway.server import GRACE_S
from gateway.settings import GatewaySettings
from launch.catalogue import ALL, ENGINE, Service
from tests.running import ROOT

TEXT = (ROOT / "docker-compose.yml").read_text()
FILE: dict[str, Any] = yaml.safe_load(TEXT)
SERVICES: dict[str, Any] = FILE["services"]
UIS = ("streamlit", "gradio")
every_service = pytest.mark.parametrize("service", ALL, ids=lambda service: service.name)


def test_the_services_are_the_four() -> None:
    assert set(SERVICES) == {service.name for service in ALL}


def test_it_reads_top_to_bottom() -> None:
    assert len(TEXT.splitlines()) <= 125
    assert "version" not in FILE
    assert "sleep" not in TEXT
    assert len([key for key in FILE if key.startswith("x-")]) == 1


def test_every_variable_has_a_default() -> None:
    used = re.findall(r"\$\{([^}]*)\}", TEXT.replace("${...}", ""))
    assert used
    assert [name for name in used if ":-" not in name] == []


def test_only_the_engine_needs_a_profile() -> None:
    assert {name: s["profiles"] for name, s in SERVICES.items() if "profiles" in s} == {
        "engine": ["engine"]
    }


def test_docker_waits_until_the_gateway_has_drained() -> None:
    drain_s = GatewaySettings.model_fields["gateway_drain_s"].default
    grace_s = float(SERVICES["gateway"]["stop_grace_period"].removesuffix("s"))
    assert drain_s + GRACE_S < grace_s


@every_service
def test_a_container_can_do_little(service: Service) -> None:
    entry = SERVICES[service.name]
    assert entry["read_only"] is True
    assert entry["cap_drop"] == ["ALL"]
    assert entry["security_opt"] == ["no-new-privileges:true"]
    assert entry["mem_limit"]
    assert entry["logging"]["options"]["max-size"]
    assert "privileged" not in entry


@every_service
def test_a_port_is_published_on_loopback_unless_asked_otherwise(service: Service) -> None:
    default = service.default_port
    # The engine asks nobody for a key: it is never opened to a network.
    address = "127.0.0.1" if service is ENGINE else "${BIND_ADDR:-127.0.0.1}"
    assert SERVICES[service.name]["ports"] == [
        f"{address}:${{{service.port_variable}:-{default}}}:{default}"
    ]


@every_service
def test_the_health_check_asks_the_service_itself(service: Service) -> None:
    check = SERVICES[service.name]["healthcheck"]
    assert f"http://127.0.0.1:{service.default_port}{service.health_path}" in check["test"][-1]
    assert check["start_period"]


@every_service
def test_the_host_is_reachable_by_name_on_linux_too(service: Service) -> None:
    assert SERVICES[service.name]["extra_hosts"] == ["host.docker.internal:host-gateway"]


@every_service
def test_it_is_built_from_its_own_folder(service: Service) -> None:
    build = SERVICES[service.name]["build"]
    assert build == {"context": "./services", "dockerfile": f"{service.package}/Dockerfile"}


@every_service
def test_nobody_waits_for_the_model(service: Service) -> None:
    assert "depends_on" not in SERVICES[service.name]


@pytest.mark.parametrize("name", ["streamlit", "gradio", "gateway"])
def test_all_three_point_at_lm_studio_on_the_host(name: str) -> None:
    environment = SERVICES[name]["environment"]
    assert environment["LMSTUDIO_URL"] == "${LMSTUDIO_URL:-http://host.docker.internal:1234}"


@pytest.mark.parametrize("name", [*UIS, "engine"])
def test_the_gateways_secrets_stay_with_the_gateway(name: str) -> None:
    entry = SERVICES[name]
    assert "env_file" not in entry
    assert not {"DATABASE_URL", "GATEWAY_KEY_PEPPER"} & set(entry["environment"])


@pytest.mark.parametrize("name", UIS)
def test_the_web_uis_read_their_key_from_the_gateway_and_cannot_change_it(name: str) -> None:
    kept = SERVICES["gateway"]["environment"]["GATEWAY_UI_KEY_FILE"]
    assert SERVICES[name]["environment"]["GATEWAY_UI_KEY_FILE"] == kept == "/ui-key/key"
    assert "ui-key:/ui-key" in SERVICES["gateway"]["volumes"]
    kept_here = [volume for volume in SERVICES[name]["volumes"] if not volume.startswith("./decks")]
    assert kept_here == ["ui-key:/ui-key:ro"]  # not the gateway's data
    assert "/ui-key" in (ROOT / "services" / f"{name}_ui" / "Dockerfile").read_text()


def test_no_file_of_settings_is_needed() -> None:
    assert SERVICES["gateway"]["env_file"] == [{"path": ".env", "required": False}]


@pytest.mark.parametrize("name", UIS)
def test_a_ui_is_handed_every_setting_of_the_chat(name: str) -> None:
    from chat_client.settings import ChatSettings

    wanted = {field.upper() for field in ChatSettings.model_fields}
    assert wanted - set(SERVICES[name]["environment"]) == set()


def test_the_engine_is_handed_every_setting_of_its_own() -> None:
    from engine.settings import EngineSettings

    baked = {"ENGINE_TEACHING_DIR"}  # where the image has the teaching model's files
    wanted = {field.upper() for field in EngineSettings.model_fields} - baked
    assert wanted - set(SERVICES[ENGINE.name]["environment"]) == set()


@every_service
def test_the_images_build_without_pulling_anything_but_the_base(service: Service) -> None:
    folder = ROOT / "services" / service.package
    lines = (folder / "Dockerfile").read_text().splitlines()
    assert not lines[0].startswith("# syntax")
    bases = {line.split()[1] for line in lines if line.startswith("FROM ")}
    stages = {line.split()[3] for line in lines if re.match(r"FROM \S+ AS \S+", line)}
    assert bases - stages == {"python:3.13-slim"}
    assert any(re.match(r"USER (?!root|0)", line) for line in lines)
    assert (folder / "Dockerfile.dockerignore").is_file()
