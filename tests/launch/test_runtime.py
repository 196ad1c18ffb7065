"""Where Lectern runs, and the one line that says why."""

from __future__ import annotations

import pytest

from launch.compose import bridge_address, parse_ps, published_port
from launch.errors import LaunchError
from launch.runtime import Found, choose

DOCKER = Found(docker_problem="", native_running=False)
NO_DOCKER = Found(docker_problem="Docker is not installed", native_running=False)


@pytest.mark.parametrize(
    ("forced", "found", "place", "reason"),
    [
        ("", DOCKER, "docker", "Docker Compose"),
        ("", NO_DOCKER, "native", "Docker is not installed"),
        ("", Found("", native_running=True), "native", "as it was started"),
        ("docker", DOCKER, "docker", "LECTERN_RUNTIME=docker"),
        ("native", DOCKER, "native", "LECTERN_RUNTIME=native"),
    ],
)
def test_the_place_is_chosen_and_explained(
    forced: str, found: Found, place: str, reason: str
) -> None:
    chosen, line = choose(forced, found)
    assert chosen == place
    assert reason in line
    assert "\n" not in line


def test_docker_cannot_be_forced_where_there_is_none() -> None:
    with pytest.raises(LaunchError, match="Docker is not installed"):
        choose("docker", NO_DOCKER)


def test_docker_cannot_be_forced_beside_a_native_run() -> None:
    with pytest.raises(LaunchError, match="make down"):
        choose("docker", Found("", native_running=True))


def test_rows_of_compose_are_read_in_both_of_its_forms() -> None:
    lines = '{"Service":"gateway","State":"running"}\n{"Service":"gradio","State":"exited"}\n'
    array = '[{"Service":"gateway","State":"running"},{"Service":"gradio","State":"exited"}]'
    assert parse_ps(lines) == parse_ps(array)
    assert parse_ps("") == []


def test_the_published_port_of_a_row() -> None:
    row = {"Publishers": [{"PublishedPort": 0}, {"TargetPort": 8000, "PublishedPort": 8100}]}
    assert published_port(row) == 8100
    assert published_port({"Publishers": None}) == 0


@pytest.mark.parametrize(
    ("config", "address"),
    [
        ('[{"Subnet":"172.18.0.0/16","Gateway":"172.18.0.9"}]', "172.18.0.9"),
        ('[{"Subnet":"10.200.0.0/24"}]', "10.200.0.1"),
        ("null", "172.17.0.1"),
        ("", "172.17.0.1"),
    ],
)
def test_the_bridge_address_comes_from_the_network(config: str, address: str) -> None:
    assert bridge_address(config) == address
