"""Fetches ENGINE_MODEL=hf:owner/repo/file.gguf once, with progress in the log.

The file lands in ENGINE_CACHE_DIR/owner/repo/; while it is there nothing is asked of the network.
huggingface_hub does the transfer (it resumes a broken one); this module owns the names, the
progress lines and the one sentence for each way it can fail.
"""

from __future__ import annotations

import logging
import os
import re
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.errors import EngineError
from engine.settings import EngineSettings

PROGRESS_EVERY_S = 2.0
PART = re.compile(r"-00001-of-(\d{5})\.gguf$")
FORM = re.compile(r"hf:([\w.-]+)/([\w.-]+)/((?:[\w.+-]+/)*[\w.+-]+\.gguf)")
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class HubFile:
    """A file on Hugging Face."""

    owner: str
    repo: str
    name: str

    @classmethod
    def parse(cls, text: str) -> HubFile:
        """From `hf:owner/repo/file.gguf`; raises EngineError."""
        found = FORM.fullmatch(text)
        if found is None or ".." in text:
            raise EngineError(
                f"ENGINE_MODEL={text!r} does not work: a file on Hugging Face is written "
                "hf:owner/repo/file.gguf."
            )
        return cls(*found.groups())

    @property
    def names(self) -> list[str]:
        """All parts of a file that was split (`-00001-of-00003.gguf`), else the file alone."""
        found = PART.search(self.name)
        if found is None:
            return [self.name]
        stem, count = self.name[: found.start()], int(found.group(1))
        return [f"{stem}-{part:05d}-of-{count:05d}.gguf" for part in range(1, count + 1)]


def fetch(file: HubFile, settings: EngineSettings) -> Path:
    """The file's path in the cache; fetches what is not there yet. Raises EngineError."""
    folder = settings.engine_cache_dir.expanduser().resolve() / file.owner / file.repo
    for name in file.names:
        if not (folder / name).is_file():
            _fetch_one(file, name, folder, settings)
    return folder / file.name


def _fetch_one(file: HubFile, name: str, folder: Path, settings: EngineSettings) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise EngineError(
            f"ENGINE_CACHE_DIR={str(settings.engine_cache_dir)!r} cannot be written: "
            f"{error.strerror}."
        ) from error
    _prepare(settings)
    from huggingface_hub import get_hf_file_metadata, hf_hub_download, hf_hub_url

    repo, endpoint = f"{file.owner}/{file.repo}", settings.hf_endpoint.rstrip("/")
    token = settings.hf_token.get_secret_value() if settings.hf_token else False
    try:
        # Asked first because it fails at once; the transfer would retry for half a minute.
        url = hf_hub_url(repo, name, endpoint=endpoint)
        size = get_hf_file_metadata(url, token=token, endpoint=endpoint).size or 0
        log.info("fetching %s/%s (%.1f MB) from %s", repo, name, size / 1e6, endpoint)
        where: dict[str, Any] = {"local_dir": folder, "endpoint": endpoint}
        hf_hub_download(repo, name, token=token, tqdm_class=_progress(name), **where)
    except Exception as error:
        raise EngineError(_reason(error, file, name, settings.hf_endpoint)) from error
    log.info("fetched %s", folder / name)


def _prepare(settings: EngineSettings) -> None:
    """huggingface_hub reads these at its import: no telemetry, nothing outside the cache folder."""
    os.environ["HF_HOME"] = str(settings.engine_cache_dir.expanduser().resolve() / ".huggingface")
    os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"
    os.environ["HF_HUB_DISABLE_XET"] = "1"
    os.environ["HF_HUB_DISABLE_IMPLICIT_TOKEN"] = "1"  # noqa: S105 (a switch)


def _reason(error: Exception, file: HubFile, name: str, endpoint: str) -> str:
    from huggingface_hub import errors

    repo = f"{file.owner}/{file.repo}"
    if isinstance(error, errors.GatedRepoError):
        return (
            f"{repo} asks for an agreement before its files may be fetched: accept it on "
            f"{endpoint}/{repo} and set HF_TOKEN, or choose another model."
        )
    if isinstance(error, errors.RepositoryNotFoundError):
        return (
            f"{endpoint} has no public repository {repo}: check the spelling (a private one needs "
            "HF_TOKEN)."
        )
    if isinstance(error, errors.EntryNotFoundError) and not isinstance(
        error, errors.LocalEntryNotFoundError
    ):
        return f"{repo} has no file {name}: see {endpoint}/{repo}/tree/main for its files."
    if isinstance(error, OSError) and error.errno == 28:
        return f"No space left for {name} in ENGINE_CACHE_DIR."
    return (
        f"{name} cannot be fetched from {endpoint} ({type(error).__name__}): is this machine "
        "online? Copy the file into ENGINE_MODELS_DIR and set ENGINE_MODEL to its name instead."
    )


def _progress(name: str) -> type:
    """A progress bar that writes lines to the log instead of drawing."""
    from tqdm import tqdm  # type: ignore[import-untyped, unused-ignore]

    class LogProgress(tqdm):  # type: ignore[type-arg, misc, unused-ignore]
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            kwargs["disable"] = False
            kwargs.pop("name", None)
            self.last_s = time.monotonic()
            super().__init__(*args, **kwargs)

        def display(self, *_: Any, **__: Any) -> None:
            """Draws nothing."""

        def update(self, n: float | None = 1) -> bool | None:
            result: bool | None = super().update(n)
            now = time.monotonic()
            if now - self.last_s >= PROGRESS_EVERY_S or (self.total and self.n >= self.total):
                self.last_s = now
                total = self.total or 0
                share = f"{100 * self.n / total:.0f} %, " if total else ""
                log.info("fetching %s: %s%.1f of %.1f MB", name, share, self.n / 1e6, total / 1e6)
            return result

    return LogProgress
