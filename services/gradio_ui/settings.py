"""The settings that only the Gradio UI reads; those of the model server belong to `chat_client`.

Owns names, defaults and units. Reads the environment when an instance is made, never at import.
"""

from __future__ import annotations

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class GradioSettings(BaseSettings):
    """Where the page listens, who may call it."""

    model_config = SettingsConfigDict(env_ignore_empty=True, extra="ignore", frozen=True)

    bind_addr: str = Field("127.0.0.1", description="Address to listen on")
    gradio_port: int = Field(7860, ge=1, le=65535, description="Port of the Gradio UI")
    gradio_mcp: bool = Field(
        False,
        description="Offers the model to agents (MCP at /mcp): the tools ask and models, to "
        "everybody who can open the page",
    )
    gradio_hosts: str = Field(
        "",
        description="Further host names under which the Gradio UI may be called, separated by "
        "commas; addresses, localhost and names of the local network always may; * for all",
    )
