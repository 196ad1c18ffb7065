"""Where the Streamlit page listens.

Owns: the variables of this service. Where the model is stands in `chat_client.settings`.
"""

from __future__ import annotations

from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class StreamlitSettings(BaseSettings):
    """The environment's variables of the same names, in capitals; an empty one counts as unset."""

    model_config = SettingsConfigDict(env_ignore_empty=True, extra="ignore", frozen=True)

    bind_addr: str = Field("127.0.0.1", description="Address that the web servers listen on")
    streamlit_port: int = Field(8501, ge=1, le=65535, description="Port of the Streamlit page")
    streamlit_deck: Path | None = Field(
        None, description="Markdown file with a deck of one's own for presenter mode"
    )
