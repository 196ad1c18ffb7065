"""Loading and unloading models in the background, for all open pages together.

Owns: one job for each model, how far it is, and how it failed. The model server is shared, so a job
goes on when its page is closed. How a job looks is the page's.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from contextlib import aclosing
from dataclasses import dataclass, field

from chat_client import ChatError, ChatSettings, LoadProgress, load_model, unload_model
from chat_client.background import background_loop


@dataclass
class ModelJob:
    """A load or an unload; `error` is set when it has failed."""

    loading: bool
    progress: LoadProgress = field(default_factory=lambda: LoadProgress(None, 0.0))
    error: ChatError | None = None


class ModelJobs:
    """The jobs by model; `changed` is called when one has ended."""

    def __init__(self, settings: ChatSettings, changed: Callable[[], None]) -> None:
        self._settings = settings
        self._changed = changed
        self._jobs: dict[str, ModelJob] = {}
        self._running: dict[str, Future[None]] = {}

    def of(self, model: str) -> ModelJob | None:
        """The job that is under way for a model, or that has failed."""
        return self._jobs.get(model)

    @property
    def under_way(self) -> bool:
        return any(job.error is None for job in list(self._jobs.values()))

    def load(self, model: str, context_length: int | None, *, keep: bool) -> None:
        job = ModelJob(loading=True)
        self._start(model, job, self._load(model, job, context_length, keep))

    def unload(self, model: str) -> None:
        job = ModelJob(loading=False)
        self._start(model, job, unload_model(self._settings, model))

    def stop(self, model: str) -> None:
        """Forgets a job; the model server may finish what it has begun."""
        if running := self._running.pop(model, None):
            running.cancel()
        self._jobs.pop(model, None)
        self._changed()

    def _start(self, model: str, job: ModelJob, work: Coroutine[None, None, None]) -> None:
        if (known := self._jobs.get(model)) is not None and known.error is None:
            work.close()  # somebody else's page was faster
            return
        self._jobs[model] = job
        self._running[model] = asyncio.run_coroutine_threadsafe(
            self._told(model, job, work), background_loop()
        )

    async def _told(self, model: str, job: ModelJob, work: Coroutine[None, None, None]) -> None:
        try:
            await work
        except ChatError as error:
            job.error = error
        else:
            self._jobs.pop(model, None)
        await asyncio.to_thread(self._changed)

    async def _load(
        self, model: str, job: ModelJob, context_length: int | None, keep: bool
    ) -> None:
        async with aclosing(load_model(self._settings, model, context_length, keep=keep)) as steps:
            async for job.progress in steps:
                pass
