"""Where the model server is and how long to wait for it: the settings both web UIs share.

Owns: reading and checking the variables, the addresses derived from them, one plain sentence for
a bad value. It opens no connection.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

NO_KEY = "not-needed"  # The openai SDK insists on a key; without authentication any value will do.


def server_root(value: str) -> str:
    """An http(s) address without a trailing slash and without the `/v1` that people add to it."""
    if not value:
        return value
    parts = urlsplit(value)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError("must be an address such as http://127.0.0.1:1234")
    if parts.username or parts.password:  # The address is shown on pages and in logs.
        raise ValueError("must not hold a password; keys have variables of their own")
    _ = parts.port  # Raises its own sentence for a port that cannot be.
    return value.rstrip("/").removesuffix("/v1").rstrip("/")


ServerRoot = Annotated[str, AfterValidator(server_root)]


class ChatSettings(BaseSettings):
    """The environment's variables of the same names, in capitals; an empty one counts as unset."""

    model_config = SettingsConfigDict(env_ignore_empty=True, extra="ignore", frozen=True)

    lmstudio_url: ServerRoot = Field(
        "http://host.docker.internal:1234",
        description="Root address of LM Studio's server, without /v1",
    )
    lmstudio_api_token: SecretStr = Field(
        SecretStr(""), description="LM Studio's API token, when it requires authentication"
    )
    llm_url: ServerRoot = Field(
        "", description="Where chats go instead of LMSTUDIO_URL, for example to the gateway"
    )
    llm_api_key: SecretStr = Field(SecretStr(""), description="Key for LLM_URL")
    gateway_url: ServerRoot = Field(
        "http://gateway:8000", description="Root address of Lectern's gateway"
    )
    gateway_key: SecretStr = Field(
        SecretStr(""), description="The gateway's key for the history of the web UIs"
    )
    gateway_ui_key_file: Path | None = Field(
        None, description="File from which that key is read when none is set; the gateway makes it"
    )
    gateway_port: int = Field(
        8000, ge=1, le=65535, description="Port at which people reach the gateway"
    )
    engine_port: int = Field(
        1234, ge=1, le=65535, description="Port at which this machine reaches the engine"
    )
    chat_connect_timeout_s: float = Field(
        2.0, gt=0, description="Seconds to wait for a connection to the model server"
    )
    chat_read_timeout_s: float = Field(
        600.0,
        gt=0,
        description="Seconds to wait for the next token: loading a big model takes minutes",
    )
    chat_abandoned_s: float = Field(
        10.0,
        gt=0,
        description="Seconds after which an answer that nobody reads any more is stopped",
    )
    chat_concurrency: int = Field(
        4,
        ge=1,
        le=32,
        description="Answers a web UI asks for at once, further people wait in line; as many as "
        "the model server's Max Concurrent Predictions",
    )

    @property
    def root_url(self) -> str:
        """The model server's root: scheme, host and port, no `/v1`."""
        return self.llm_url or self.lmstudio_url

    @property
    def base_url(self) -> str:
        """What the openai SDK calls its base URL."""
        return f"{self.root_url}/v1"

    @property
    def api_key(self) -> str:
        """The key to send; LM Studio's own token never goes to another server."""
        own = self.llm_api_key.get_secret_value()
        if not own and self.root_url == self.gateway_url:
            own = self.room_key
        if not own and self.root_url == self.lmstudio_url:
            own = self.lmstudio_api_token.get_secret_value()
        return own or NO_KEY

    @property
    def room_key(self) -> str:
        """The key for the gateway's own routes, looked up anew each time; empty when none is known.

        LM Studio's token never goes there, nor LLM_API_KEY unless LLM_URL is the gateway.
        """
        key = self.gateway_key.get_secret_value()
        if not key and self.llm_url == self.gateway_url:
            key = self.llm_api_key.get_secret_value()
        return key or self._key_on_file()

    def _key_on_file(self) -> str:
        if self.gateway_ui_key_file is None:
            return ""
        try:
            return self.gateway_ui_key_file.read_text(encoding="ascii").strip()
        except (OSError, UnicodeDecodeError):  # not made yet
            return ""

    @property
    def url_variable(self) -> str:
        """The variable that decides `root_url`, to be named in advice."""
        return "LLM_URL" if self.llm_url else "LMSTUDIO_URL"


def settings_problem(error: ValidationError) -> str:
    """One line for each bad variable: its name, its value, what was expected. No secrets."""
    lines = []
    for problem in error.errors():
        name = str(problem["loc"][0]).upper() if problem["loc"] else "settings"
        secret = any(word in name for word in ("KEY", "TOKEN", "SECRET"))
        secret = secret or "@" in str(problem["input"])
        value = "(hidden)" if secret else repr(problem["input"])
        lines.append(f"{name} = {value}: {problem['msg'].removeprefix('Value error, ')}")
    return "\n".join(lines)
