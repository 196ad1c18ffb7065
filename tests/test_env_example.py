"""`.env.example` is the reference of all settings: held here against the Settings classes."""

from __future__ import annotations

import re

import pytest
from pydantic import SecretStr
from pydantic_settings import BaseSettings

from chat_client import ChatSettings
from engine.settings import EngineSettings
from gateway.settings import GatewaySettings
from gradio_ui.settings import GradioSettings
from launch.settings import Settings
from streamlit_ui.settings import StreamlitSettings
from tests.running import ROOT

CLASSES: tuple[type[BaseSettings], ...] = (
    GatewaySettings,
    ChatSettings,
    StreamlitSettings,
    GradioSettings,
    EngineSettings,
)
# Read by the compose file or the launcher, not by a service.
OTHERS = {"LECTERN_RUNTIME", "ENGINE_MEMORY"}
LINE = re.compile(r"#?([A-Z][A-Z0-9_]+)=(.*)")


def documented() -> dict[str, str]:
    """The variables of `.env.example` and the defaults that it states."""
    lines = (ROOT / ".env.example").read_text().splitlines()
    return {match[1]: match[2] for line in lines if (match := LINE.fullmatch(line))}


def test_every_setting_is_documented_and_every_line_is_a_setting() -> None:
    fields = {name.upper() for settings in CLASSES for name in settings.model_fields}
    assert set(documented()) == fields | OTHERS


def test_a_native_start_hands_every_setting_to_the_services() -> None:
    given = {name: "x" for name in documented() if name not in OTHERS}
    assert Settings(given).for_services() == given


def test_copying_the_file_changes_nothing() -> None:
    lines = (ROOT / ".env.example").read_text().splitlines()
    assert all(line.startswith("#") for line in lines if line)


@pytest.mark.parametrize("settings", CLASSES)
def test_the_stated_defaults_are_the_real_ones(settings: type[BaseSettings]) -> None:
    stated = documented()
    for name, field in settings.model_fields.items():
        default = field.default
        if isinstance(default, SecretStr):
            default = default.get_secret_value()
        if default is None or name == "engine_teaching_dir":  # beside the code: no fixed path
            default = ""
        text = str(default).lower() if isinstance(default, bool) else str(default)
        assert stated[name.upper()] == text, name
        assert field.description, f"{name} has no description"


def test_the_compose_file_reads_only_documented_variables() -> None:
    compose = (ROOT / "docker-compose.yml").read_text()
    read = set(re.findall(r"\$\{([A-Z][A-Z0-9_]+)", compose))
    assert read <= set(documented())


def test_each_variable_stands_once() -> None:
    text = (ROOT / ".env.example").read_text()
    names = [match[1] for line in text.splitlines() if (match := LINE.fullmatch(line))]
    assert len(names) == len(set(names))
