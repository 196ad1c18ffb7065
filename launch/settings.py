"""The settings that decide how Lectern is started, from the shell and from `.env`.

Reads the file as Compose reads it (NAME=value, quotes, comments); the shell wins over it. The
services read their own settings themselves.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from launch.catalogue import ENGINE, Service
from launch.errors import LaunchError

DEFAULT_LMSTUDIO_URL = "http://host.docker.internal:1234"
ENGINE_HOST = "127.0.0.1"
RUNTIMES = ("docker", "native")
# What a service may be set by; nothing else of a shell reaches a native process.
SERVICE_PREFIXES = (
    "GATEWAY_",
    "ENGINE_",
    "CHAT_",
    "LMSTUDIO_",
    "LLM_",
    "HF_",
    "STREAMLIT_",
    "GRADIO_",
    "UPSTREAM_",
)
SERVICE_NAMES = ("BIND_ADDR", "DATABASE_URL", "LIMITS_URL", "UPSTREAMS")
_LINE = re.compile(r"(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)\s*=\s*(.*)")


@dataclass(frozen=True)
class Settings:
    """The merged values; empty means not set, as in Compose's `${NAME:-default}`."""

    values: Mapping[str, str]

    def get(self, name: str, default: str = "") -> str:
        """The value, or `default` where it is missing or empty."""
        return self.values.get(name, "") or default

    def port(self, service: Service) -> int:
        """The published port of a service; `LaunchError` when it is no port."""
        text = self.get(service.port_variable, str(service.default_port))
        if not text.isdigit() or not 1 <= int(text) <= 65535:
            raise LaunchError(
                f"The setting {service.port_variable} cannot be {text!r}: "
                "it must be a port, a number from 1 to 65535."
            )
        return int(text)

    @property
    def bind_addr(self) -> str:
        """The address that the published ports listen on."""
        return self.get("BIND_ADDR", "127.0.0.1")

    @property
    def browser_host(self) -> str:
        """The host to write into a URL that works on this machine."""
        if self.bind_addr in ("0.0.0.0", "::", "[::]"):  # noqa: S104 (compared, not bound)
            return "127.0.0.1"
        return f"[{self.bind_addr}]" if self.bind_addr.count(":") > 1 else self.bind_addr

    def host_of(self, service: Service) -> str:
        """The host at which this machine reaches a service.

        The engine asks nobody for a key, so it is on loopback whatever `BIND_ADDR` says.
        """
        return ENGINE_HOST if service is ENGINE else self.browser_host

    @property
    def lmstudio_url(self) -> str:
        """Where LM Studio is looked for, as the person wrote it."""
        return self.get("LMSTUDIO_URL", DEFAULT_LMSTUDIO_URL).rstrip("/")

    @property
    def forced_runtime(self) -> str:
        """`docker`, `native`, or empty for a free choice."""
        forced = self.get("LECTERN_RUNTIME")
        if forced and forced not in RUNTIMES:
            raise LaunchError(
                f"The setting LECTERN_RUNTIME cannot be {forced!r}: write docker or native."
            )
        return forced

    def for_services(self) -> dict[str, str]:
        """The part that a native service may see."""
        return {
            name: value
            for name, value in sorted(self.values.items())
            if name in SERVICE_NAMES or name.startswith(SERVICE_PREFIXES)
        }


def read_settings(root: Path, environment: Mapping[str, str]) -> Settings:
    """The settings of this start: `.env` in `root`, and the shell's environment over it."""
    file = root / ".env"
    text = file.read_text(encoding="utf-8") if file.is_file() else ""
    return Settings({**parse_env_file(text), **environment})


def parse_env_file(text: str) -> dict[str, str]:
    """The assignments in the text of a `.env` file; other lines are left out."""
    values = {}
    for line in text.splitlines():
        match = _LINE.fullmatch(line.strip())
        if match:
            values[match[1]] = _unquoted(match[2].strip())
    return values


def _unquoted(value: str) -> str:
    if value[:1] in ("'", '"'):
        end = value.find(value[0], 1)
        return value[1:end] if end > 0 else value
    return re.split(r"(?:^|\s)#", value, maxsplit=1)[0].strip()
