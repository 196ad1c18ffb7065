"""The engine's settings, read from the environment once, in `__main__`.

Owns names, defaults, units and bounds, and the sentence shown for a value that does not fit. It
opens no file: whether a path exists is the catalogue's business.
"""

from __future__ import annotations

import os
from pathlib import Path

from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from engine.errors import EngineError

TEACHING_TOKENS_PER_SECOND = 40.0
USER_CONTEXT_LENGTH = 4096
TEACHING_CONTEXT_LENGTH = 1024


class EngineSettings(BaseSettings):
    """Everything an operator can set; an empty value counts as not set."""

    model_config = SettingsConfigDict(env_ignore_empty=True, extra="ignore", frozen=True)

    bind_addr: str = Field(
        default="127.0.0.1",
        description="Address the engine listens on: loopback natively, 0.0.0.0 in a container.",
    )
    engine_port: int = Field(
        default=1234, ge=1, le=65535, description="Port the engine listens on; LM Studio's is 1234."
    )
    engine_model: str = Field(
        default="",
        description="Empty: the bundled teaching model. Else one GGUF file instead of it: a path "
        "(absolute or below ENGINE_MODELS_DIR) or hf:owner/repo/file.gguf.",
    )
    engine_teaching_dir: Path = Field(
        default=Path(__file__).parent / "model",
        description="Folder with the teaching model's F16, Q8_0 and Q4_0 files.",
    )
    engine_models_dir: Path = Field(
        default=Path("models"), description="Folder with your own GGUF files; only read."
    )
    engine_cache_dir: Path = Field(
        default=Path(".lectern/models"),
        description="Folder for files fetched with ENGINE_MODEL=hf:...; the only one written to.",
    )
    engine_tokens_per_second: float | None = Field(
        default=None,
        ge=0,
        le=100_000,
        description="Pace of streamed answers in tokens per second, so that people can watch "
        "tokens arrive; 0 = as fast as it can. Default: 40 for the teaching model, 0 for yours.",
    )
    engine_parallel: int = Field(
        default=4, ge=1, le=64, description="Predictions at once per model; more wait in line."
    )
    engine_context_length: int | None = Field(
        default=None,
        ge=64,
        description="Context length in tokens, of each of the predictions at once. "
        "Default: 1024 for the teaching model, at most 4096 for yours.",
    )
    engine_threads: int | None = Field(
        default=None,
        ge=1,
        le=512,
        description="CPU threads per loaded model. Default: 1 for the teaching model, "
        "the number of physical cores for yours.",
    )
    engine_verbose: bool = Field(default=False, description="Show llama.cpp's own log as well.")
    hf_endpoint: str = Field(
        default="https://huggingface.co",
        description="Where ENGINE_MODEL=hf:... is fetched from: Hugging Face or a mirror of it.",
    )
    hf_token: SecretStr | None = Field(
        default=None, description="Hugging Face token, needed for gated models only."
    )

    @property
    def tokens_per_second(self) -> float:
        """Pace of streamed answers; 0 means unpaced."""
        if self.engine_tokens_per_second is not None:
            return self.engine_tokens_per_second
        return 0.0 if self.engine_model else TEACHING_TOKENS_PER_SECOND


def load_settings() -> EngineSettings:
    """Reads the environment; raises EngineError with one sentence per bad value."""
    try:
        return EngineSettings()
    except ValidationError as error:
        raise EngineError(
            " ".join(_sentence(item["loc"], item["msg"]) for item in error.errors())
        ) from None


def _sentence(where: tuple[int | str, ...], message: str) -> str:
    name = str(where[0]).upper() if where else "The environment"
    value = next((v for k, v in os.environ.items() if k.upper() == name), "")
    shown = "(hidden)" if "TOKEN" in name and "TOKENS" not in name else repr(value)
    return f"{name}={shown} does not work: {message[:1].lower()}{message[1:]}."
