"""supervisord's configuration file, read back as supervisord reads it."""

from __future__ import annotations

import configparser
from pathlib import Path

from launch.supervision import SOCKET_PATH_LIMIT, Program, config_text, socket_path


def parsed(text: str) -> configparser.RawConfigParser:
    parser = configparser.RawConfigParser()
    parser.read_string(text)
    return parser


def test_each_program_has_its_command_and_log() -> None:
    programs = [Program("gateway", '"/a b/python" -m gateway', "abc")]
    config = parsed(config_text(programs, Path("/repo"), Path("/repo/.lectern")))
    section = config["program:gateway"]
    assert section["command"] == '"/a b/python" -m gateway'
    assert section["stdout_logfile"] == "/repo/.lectern/logs/gateway.log"
    assert section["autorestart"] == "true"


def test_percent_signs_in_a_path_are_not_placeholders() -> None:
    config = parsed(config_text([], Path("/100%"), Path("/100%/.lectern")))
    assert config["supervisord"]["directory"] == "/100%%"


def test_a_deep_folder_gets_a_socket_elsewhere() -> None:
    deep = Path("/" + "d" * 120)
    assert socket_path(Path("/repo/.lectern")) == Path("/repo/.lectern/supervisor.sock")
    assert len(str(socket_path(deep))) <= SOCKET_PATH_LIMIT
    assert socket_path(deep) == socket_path(deep)
