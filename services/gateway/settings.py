"""The gateway's settings, read from the environment once at start.

Owns names, defaults, units and the sentence that refuses a bad value. Nothing else in the gateway
reads the environment.
"""

from __future__ import annotations

import re
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated

from pydantic import (
    AfterValidator,
    Field,
    SecretStr,
    ValidationError,
    ValidationInfo,
    field_validator,
)
from pydantic_settings import BaseSettings, SettingsConfigDict

from gateway.aliases import read_aliases
from gateway.model_servers import (
    MAX_SLOTS,
    ModelServer,
    read_slots,
    read_tokens,
    read_upstreams,
    server_root,
)
from gateway.state_urls import MEMORY_LIMITS, checked_database_url, checked_limits_url

MIN_PEPPER_CHARS = 32
# Settings whose value no sentence may repeat.
SECRETS = (
    "GATEWAY_KEY_PEPPER",
    "LMSTUDIO_API_TOKEN",
    "UPSTREAM_TOKENS",
    "DATABASE_URL",
    "LIMITS_URL",
)
# Words of six letters and more: random text holds none of them by chance.
_PLACEHOLDER = re.compile(
    r"change.?me|replace|placeholder|example|secret|password|pepper|insert", re.IGNORECASE
)
_IN_URL = re.compile(r"(?<=://)[^/@\s]*@")


class SettingsError(Exception):
    """A setting that cannot work; the message names the variable and the value."""


def _real_pepper(value: SecretStr) -> SecretStr:
    secret = value.get_secret_value()
    repeats = (secret + secret).find(secret, 1) < len(secret)
    few = len(secret) < MIN_PEPPER_CHARS or len(set(secret)) < MIN_PEPPER_CHARS // 4
    if secret and (few or repeats or _PLACEHOLDER.search(secret)):
        raise ValueError(
            f"it must be at least {MIN_PEPPER_CHARS} random characters, "
            "for example from `openssl rand -hex 32`"
        )
    return value


Port = Annotated[int, Field(ge=1, le=65535)]
Seconds = Annotated[float, Field(gt=0, le=86_400)]


class GatewaySettings(BaseSettings):
    """Every setting of the gateway. Names are the environment variables, without a prefix."""

    model_config = SettingsConfigDict(env_ignore_empty=True, extra="ignore", frozen=True)

    lmstudio_url: Annotated[str, AfterValidator(server_root)] = Field(
        "http://host.docker.internal:1234", description="root of the model server, without /v1"
    )
    lmstudio_api_token: SecretStr = Field(
        SecretStr(""), description="LM Studio's own API token, when it asks for one"
    )
    upstreams: str = Field(
        "",
        description="several model servers instead of LMSTUDIO_URL, as "
        "desk=http://10.0.0.5:1234,gpu=http://10.0.0.6:8000",
    )
    upstream_tokens: SecretStr = Field(
        SecretStr(""), description="tokens that servers in UPSTREAMS ask for, as gpu=sk-…"
    )
    upstream_slots: str = Field(
        "",
        description="predictions at once of a model on servers in UPSTREAMS that do not say it, "
        "as gpu=64",
    )
    bind_addr: str = Field("127.0.0.1", description="address to listen on")
    gateway_published_addr: str = Field(
        "", description="address that the services' ports are published on; empty: BIND_ADDR"
    )
    gateway_port: Port = Field(8000, description="port of the gateway")
    streamlit_port: Port = Field(8501, description="port that the landing page links to")
    gradio_port: Port = Field(7860, description="port that the landing page links to")
    gateway_data_dir: Path = Field(
        Path(".lectern/data"), description="folder of the database, the pepper and the demo key"
    )
    gateway_ui_key_file: Path | None = Field(
        None, description="where the web UIs' own key is laid at the start; empty: none is made"
    )
    database_url: Annotated[SecretStr, AfterValidator(checked_database_url)] = Field(
        SecretStr(""), description="postgresql+psycopg://…; empty: SQLite in the data folder"
    )
    gateway_key_pepper: Annotated[SecretStr, AfterValidator(_real_pepper)] = Field(
        SecretStr(""), description="secret mixed into stored keys; empty: made once and kept"
    )
    gateway_max_body_bytes: int = Field(
        32 * 1024 * 1024, ge=1024, description="largest request body, in bytes"
    )
    limits_url: Annotated[SecretStr, AfterValidator(checked_limits_url)] = Field(
        SecretStr(MEMORY_LIMITS),
        description="where limits are counted: memory://, or valkey://… for several gateways",
    )
    gateway_aliases: str = Field(
        "",
        description="other names for models, as gpt-4o-mini=lectern-101,…; * stands for any "
        "name that does not exist",
    )
    gateway_slots: int = Field(
        0,
        ge=0,
        le=MAX_SLOTS,
        description="predictions at once of a model on each server; 0: asked of the model server",
    )
    gateway_max_waiting: int = Field(
        64, ge=0, description="requests that may wait in line for a model"
    )
    gateway_max_waiting_per_key: int = Field(
        8, ge=0, description="requests of one key that may wait in line"
    )
    gateway_queue_timeout_s: Seconds = Field(
        120.0, description="seconds that a request waits in line before it is told to come back"
    )
    gateway_heartbeat_s: Seconds = Field(
        5.0, description="seconds between comments that keep a waiting stream's line alive"
    )
    gateway_drain_s: Seconds = Field(
        20.0,
        description="seconds that running answers may take to finish when it is stopped; "
        "Docker waits 30 s (stop_grace_period)",
    )
    gateway_ledger_days: int = Field(90, ge=1, description="days that rows of the ledger are kept")
    gateway_audit_days: int = Field(
        365, ge=1, description="days that the audit of changed keys is kept"
    )
    gateway_connect_timeout_s: Seconds = Field(
        5.0, description="seconds to wait for a connection to the model server"
    )
    gateway_answer_timeout_s: Seconds = Field(
        600.0, description="seconds of silence from the model server before giving up"
    )

    @field_validator("upstreams")
    @classmethod
    def _upstreams_can_be_read(cls, text: str) -> str:
        read_upstreams(text)
        return text

    @field_validator("upstream_tokens")
    @classmethod
    def _tokens_can_be_read(cls, text: SecretStr, info: ValidationInfo) -> SecretStr:
        if "upstreams" in info.data:  # else that one is refused already
            read_tokens(text.get_secret_value(), read_upstreams(info.data["upstreams"]))
        return text

    @field_validator("upstream_slots")
    @classmethod
    def _slots_can_be_read(cls, text: str, info: ValidationInfo) -> str:
        if "upstreams" in info.data:
            read_slots(text, read_upstreams(info.data["upstreams"]))
        return text

    @field_validator("gateway_key_pepper")
    @classmethod
    def _one_secret_for_one_purpose(cls, pepper: SecretStr, others: ValidationInfo) -> SecretStr:
        secret = pepper.get_secret_value()
        for name in ("lmstudio_api_token", "upstream_tokens"):
            if secret and secret in others.data.get(name, SecretStr("")).get_secret_value():
                raise ValueError(f"it must not be in {name.upper()}: one secret has one purpose")
        return pepper

    @field_validator("gateway_aliases")
    @classmethod
    def _aliases_can_be_read(cls, text: str) -> str:
        read_aliases(text)
        return text

    @property
    def aliases(self) -> dict[str, str]:
        """The other names for models, each with the real one."""
        return read_aliases(self.gateway_aliases)

    @property
    def on_loopback(self) -> bool:
        """Whether nobody but this machine can reach the services."""
        address = self.gateway_published_addr or self.bind_addr
        try:
            return ip_address(address).is_loopback
        except ValueError:
            return address == "localhost"

    @property
    def model_servers(self) -> tuple[ModelServer, ...]:
        """The model servers: those of UPSTREAMS, else the one at LMSTUDIO_URL."""
        roots = read_upstreams(self.upstreams)
        tokens = read_tokens(self.upstream_tokens.get_secret_value(), roots)
        slots = read_slots(self.upstream_slots, roots)
        several = [
            ModelServer(
                name, url, SecretStr(tokens.get(name, "")), slots.get(name, self.gateway_slots)
            )
            for name, url in roots.items()
        ]
        one = ModelServer(
            "lmstudio", self.lmstudio_url, self.lmstudio_api_token, self.gateway_slots
        )
        return tuple(several) or (one,)

    @property
    def sqlalchemy_url(self) -> str:
        """The database's URL: the one given, else a SQLite file in the data folder."""
        default = f"sqlite:///{self.gateway_data_dir.resolve() / 'lectern.db'}"
        return self.database_url.get_secret_value() or default


def load_settings() -> GatewaySettings:
    """Reads the environment; raises `SettingsError` with a sentence for each bad value."""
    try:
        return GatewaySettings()
    except ValidationError as error:
        raise SettingsError("\n".join(_sentence(detail) for detail in error.errors())) from None


def _sentence(detail: object) -> str:
    assert isinstance(detail, dict)  # noqa: S101 (pydantic's ErrorDetails)
    name = str(detail["loc"][0]).upper()
    reason = str(detail["msg"]).removeprefix("Value error, ")
    value = "(hidden)" if name in SECRETS else repr(detail["input"])
    return _IN_URL.sub("…@", f"The setting {name} cannot be {value}: {reason}.")
