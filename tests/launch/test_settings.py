"""Where the launcher's settings come from and how a bad one is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from launch.catalogue import GATEWAY
from launch.errors import LaunchError
from launch.settings import Settings, parse_env_file, read_settings


def test_a_missing_file_means_the_defaults(tmp_path: Path) -> None:
    settings = read_settings(tmp_path, {})
    assert settings.port(GATEWAY) == 8000
    assert settings.lmstudio_url == "http://host.docker.internal:1234"
    assert settings.bind_addr == "127.0.0.1"


def test_the_shell_wins_over_the_file(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("GATEWAY_PORT=8100\nGRADIO_PORT=7900\n")
    settings = read_settings(tmp_path, {"GATEWAY_PORT": "8200"})
    assert settings.port(GATEWAY) == 8200
    assert settings.get("GRADIO_PORT") == "7900"


def test_the_file_is_read_as_compose_reads_it() -> None:
    text = """
# a comment
A=1
export B = two words
C="kept # inside quotes"   # and this is not
D='single'
E=cut # here
F=
G=not#a comment
no assignment
"""
    assert parse_env_file(text) == {
        "A": "1",
        "B": "two words",
        "C": "kept # inside quotes",
        "D": "single",
        "E": "cut",
        "F": "",
        "G": "not#a comment",
    }


@pytest.mark.parametrize("value", ["", "0", "65536", "http", "-1", "80.5"])
def test_a_bad_port_is_named_with_its_variable(value: str) -> None:
    settings = Settings({"GATEWAY_PORT": value})
    if not value:
        assert settings.port(GATEWAY) == 8000
        return
    with pytest.raises(LaunchError, match=f"GATEWAY_PORT cannot be '{value}'"):
        settings.port(GATEWAY)


def test_a_runtime_that_does_not_exist_is_refused() -> None:
    with pytest.raises(LaunchError, match="LECTERN_RUNTIME cannot be 'podman'"):
        _ = Settings({"LECTERN_RUNTIME": "podman"}).forced_runtime


@pytest.mark.parametrize(
    ("bind", "host"),
    [("", "127.0.0.1"), ("0.0.0.0", "127.0.0.1"), ("192.168.1.5", "192.168.1.5"), ("::1", "[::1]")],
)
def test_urls_name_a_host_that_works_on_this_machine(bind: str, host: str) -> None:
    assert Settings({"BIND_ADDR": bind}).browser_host == host


def test_services_see_their_settings_and_nothing_else_of_the_shell() -> None:
    shell = {"GATEWAY_PORT": "1", "AWS_SECRET_ACCESS_KEY": "x", "HOME": "/", "LLM_URL": "http://x"}
    assert Settings(shell).for_services() == {"GATEWAY_PORT": "1", "LLM_URL": "http://x"}
