"""Turns the settings into the list of models: the teaching model's three files, or the user's one.

Owns ids, where files are looked for, and how each is loaded (context length, threads). It loads
nothing.
"""

from __future__ import annotations

from pathlib import Path

from engine.card import Card, read_card
from engine.catalogue import Model
from engine.cores import physical_cores
from engine.download import HubFile, fetch
from engine.errors import EngineError
from engine.llama import LoadConfig
from engine.settings import TEACHING_CONTEXT_LENGTH, USER_CONTEXT_LENGTH, EngineSettings

TEACHING_ID = "lectern-101"
# The first one answers for the bare name, and for names that nobody knows.
TEACHING_VARIANTS = ("q8_0", "f16", "q4_0")


def find_models(settings: EngineSettings) -> list[Model]:
    """The models to serve, the default one first; fetches `hf:` files; raises EngineError."""
    if settings.engine_model:
        return [_user_model(settings)]
    variants = tuple(f"{TEACHING_ID}@{variant}" for variant in TEACHING_VARIANTS)
    cards = [_teaching_card(settings, variant) for variant in TEACHING_VARIANTS]
    return [
        Model(name, "lectern", card, (TEACHING_ID,) if index == 0 else (), variants)
        for index, (name, card) in enumerate(zip(variants, cards, strict=True))
    ]


def load_config(settings: EngineSettings, model: Model) -> LoadConfig:
    """How `model` is loaded unless a caller asks for another context length."""
    usual = USER_CONTEXT_LENGTH if settings.engine_model else TEACHING_CONTEXT_LENGTH
    context = settings.engine_context_length or min(model.card.context_length, usual)
    threads = settings.engine_threads or (physical_cores() if settings.engine_model else 1)
    return LoadConfig(context, settings.engine_parallel, threads, settings.engine_verbose)


def _teaching_card(settings: EngineSettings, variant: str) -> Card:
    path = settings.engine_teaching_dir / f"{TEACHING_ID}-{variant}.gguf"
    if not path.is_file():
        raise EngineError(
            f"The teaching model's file {path} is missing: make it with "
            "`PYTHONPATH=services python -m engine.quantize`, or set ENGINE_MODEL to a GGUF file."
        )
    return read_card(path)


def _user_model(settings: EngineSettings) -> Model:
    wanted = settings.engine_model
    if wanted.startswith("hf:"):
        file = HubFile.parse(wanted)
        return _named(fetch(file, settings), file.owner)
    path = Path(wanted).expanduser()
    if not path.is_absolute():
        path = settings.engine_models_dir / path
    if not path.is_file():
        raise EngineError(
            f"ENGINE_MODEL={wanted!r}: there is no file {path}. Give an absolute path, a path "
            f"below ENGINE_MODELS_DIR ({settings.engine_models_dir}), or hf:owner/repo/file.gguf."
        )
    # LM Studio keeps models as publisher/repository/file.gguf.
    publisher = path.parent.parent.name if len(Path(wanted).parts) >= 3 else ""
    return _named(path, publisher or "local")


def _named(path: Path, publisher: str) -> Model:
    return Model(path.name.removesuffix(".gguf").lower(), publisher, read_card(path))
