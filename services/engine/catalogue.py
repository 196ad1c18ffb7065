"""Which models there are and which of them are loaded.

Owns the list of model files with their ids, the loaded instances, and who answers for a name that
a caller sends. LM Studio's rules: a known model is loaded just in time, an unknown name is answered
by a loaded model, a second load of a model makes a second instance (`id:2`).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from engine.card import Card
from engine.errors import EngineError, Refusal, no_models
from engine.llama import Llama, LoadConfig
from engine.slots import Slots

MAX_INSTANCES = 8
# How long an answer that is ended may take to say so.
GOODBYE_S = 0.5
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Model:
    """One model file. `aliases` are further names that mean it."""

    id: str
    publisher: str
    card: Card
    aliases: tuple[str, ...] = ()
    variants: tuple[str, ...] = ()

    def named(self, name: str) -> bool:
        return name.lower() in (self.id, *self.aliases)


@dataclass(eq=False, slots=True)
class Instance:
    """One loaded copy of a model, with its line of predictions."""

    id: str
    model: Model
    llama: Llama
    config: LoadConfig
    slots: Slots
    tasks: set[asyncio.Task[Any]] = field(default_factory=set)
    unloaded: bool = False


@dataclass(frozen=True, slots=True)
class Answering:
    """Who answers a request: the instance, the name its reply carries, seconds spent loading."""

    instance: Instance
    name: str
    load_time_s: float | None = None


class Catalogue:
    """The models of one engine. `config`: how a model is loaded unless a load asks otherwise."""

    def __init__(self, models: list[Model], config: Callable[[Model], LoadConfig]) -> None:
        self.models = models
        self._config = config
        self._instances: dict[str, Instance] = {}
        self._lock = asyncio.Lock()
        self._closed = False

    @property
    def instances(self) -> list[Instance]:
        """The loaded instances, the oldest first."""
        return list(self._instances.values())

    def of(self, model: Model) -> list[Instance]:
        """The loaded instances of one model."""
        return [instance for instance in self.instances if instance.model is model]

    def model(self, name: str) -> Model | None:
        """The model that `name` means, loaded or not."""
        return next((model for model in self.models if model.named(name)), None)

    async def open(self) -> None:
        """Loads every model that is not loaded yet; raises EngineError."""
        for model in self.models:
            if not self.of(model):
                await self.load(model)

    async def close(self, within_s: float = 0.0) -> None:
        """Unloads everything; answers under way may go on for `within_s` seconds."""
        self._closed = True
        tasks = {task for instance in self.instances for task in instance.tasks}
        if tasks:
            await asyncio.wait(tasks, timeout=within_s)
        for instance in self.instances:
            await self._unload(instance)

    async def answering(self, name: str, embedding: bool = False) -> Answering:
        """Who answers a request for the model `name`, which is loaded if need be.

        Raises Refusal when nobody can. LM Studio lets a loaded model answer for an unknown name,
        except where embeddings are asked for.
        """
        if instance := self._instances.get(name.lower()):
            return Answering(instance, instance.id)
        if model := self.model(name):
            return await self._just_in_time(model, name.lower())
        if not embedding:
            loaded = [item for item in self.instances if not item.model.card.embedding]
            for item in sorted(loaded, key=lambda item: self.models.index(item.model)):
                return Answering(item, item.id)
        raise no_models()

    async def _just_in_time(self, model: Model, name: str) -> Answering:
        async with self._lock:
            if loaded := self.of(model):
                return Answering(loaded[0], name)
            try:
                instance = await self._load(model, self._config(model))
            except EngineError as error:
                raise Refusal(f'Failed to load model "{model.id}". Error: {error}') from error
            return Answering(instance, name, instance.llama.load_time_s)

    async def load(self, model: Model, context_length: int | None = None) -> Instance:
        """Loads one more instance of `model`; raises EngineError."""
        config = self._config(model)
        if context_length is not None:
            config = LoadConfig(context_length, config.parallel, config.threads, config.verbose)
        async with self._lock:
            return await self._load(model, config)

    async def _load(self, model: Model, config: LoadConfig) -> Instance:
        if self._closed:
            raise EngineError("The engine is stopping.")
        if len(self._instances) >= MAX_INSTANCES:
            raise EngineError(f"{MAX_INSTANCES} models are loaded already: unload one first.")
        llama = await Llama.start(model.card, config)
        number = 1
        while (name := model.id if number == 1 else f"{model.id}:{number}") in self._instances:
            number += 1
        instance = Instance(name, model, llama, config, Slots(config.parallel))
        self._instances[name] = instance
        log.info(
            "loaded model=%s quantization=%s context=%d slots=%d threads=%d seconds=%.2f",
            *(name, model.card.quantization, config.context_length),
            *(config.parallel, config.threads, llama.load_time_s),
        )
        return instance

    async def unload(self, name: str) -> Instance | None:
        """Unloads the instance that `name` means; what it was answering ends with an error."""
        model = self.model(name)
        loaded = self.of(model) if model else []
        instance = self._instances.get(name.lower()) or (loaded[0] if loaded else None)
        if instance is not None:
            await self._unload(instance)
        return instance

    async def _unload(self, instance: Instance) -> None:
        if self._instances.pop(instance.id, None) is None:
            return
        instance.unloaded = True
        # The first time a caller is told why; the second time is for one who reads no answer.
        for _ in range(2):
            if tasks := set(instance.tasks):
                for task in tasks:
                    task.cancel()
                await asyncio.wait(tasks, timeout=GOODBYE_S)
        await instance.llama.stop()
        log.info("unloaded model=%s", instance.id)
