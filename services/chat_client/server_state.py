"""Is the model server there, and if not, at which step does the way to it end?

Owns: the probe (name, connection, server, models; in that order, stopping at the first failure)
and its wording. It never raises, so that a page can always show something.
"""

from __future__ import annotations

import asyncio
import socket
from dataclasses import dataclass

import httpx

from chat_client import diagnosis
from chat_client.catalogue import Model, list_models
from chat_client.connection import lookup_connection
from chat_client.errors import ChatError
from chat_client.settings import ChatSettings

NO_CHAT_MODEL = "Load a model in LM Studio (or run `lms load`): the server is up, but has none."


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that was tried, whether it worked, and what was seen."""

    name: str
    ok: bool
    detail: str


@dataclass(frozen=True, slots=True)
class ServerState:
    """What the probe found; `advice` is one thing to do, empty when all is well."""

    url: str
    reachable: bool
    steps: tuple[Step, ...]
    advice: str = ""
    server: str = "Model server"
    models: tuple[Model, ...] = ()

    @property
    def ready(self) -> bool:
        """True when there is at least one model to chat with."""
        return self.reachable and bool(self.models)


async def probe(settings: ChatSettings) -> ServerState:
    """Walks the way to the model server step by step; takes seconds at worst and never raises."""
    host, port = diagnosis.host_and_port(settings)
    steps: list[Step] = []
    trying = "Address"
    try:
        steps.append(Step(trying, True, await _resolve(host, settings)))
        trying = "Connection"
        await _connect(host, port, settings)
        steps.append(Step(trying, True, f"port {port} is open"))
        trying = "Models"
        server = await _identity(settings)
        models = tuple(await list_models(settings))
    except ChatError as error:
        steps.append(Step(trying, False, error.message))
        return ServerState(settings.root_url, False, tuple(steps), error.advice)
    steps.append(_models_step(models))
    advice = "" if models else NO_CHAT_MODEL
    return ServerState(settings.root_url, True, tuple(steps), advice, server, models)


async def _resolve(host: str, settings: ChatSettings) -> str:
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(settings.chat_connect_timeout_s):
            found = await loop.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:  # TimeoutError is an OSError.
        raise diagnosis.name_unknown(settings) from error
    address = str(found[0][4][0])
    return address if address == host else f"{host} is {address}"


async def _connect(host: str, port: int, settings: ChatSettings) -> None:
    try:
        async with asyncio.timeout(settings.chat_connect_timeout_s):
            _, writer = await asyncio.open_connection(host, port)
    except TimeoutError as error:
        raise diagnosis.timed_out(settings) from error
    except OSError as error:
        raise diagnosis.refused(settings) from error
    writer.close()


async def _identity(settings: ChatSettings) -> str:
    """Who answers, told by the greeting route that LM Studio's own tools use."""
    async with lookup_connection(settings) as client:
        try:
            response = await client.get("/lmstudio-greeting")
            greeting = response.json()
        except (httpx.HTTPError, ValueError):
            return "Model server"
    if response.headers.get("x-lectern-engine"):
        return "Lectern's engine"
    if response.headers.get("x-lectern-gateway"):
        return "Lectern's gateway"
    if isinstance(greeting, dict) and greeting.get("lmstudio") is True:
        return "LM Studio"
    return "Model server"


def _models_step(models: tuple[Model, ...]) -> Step:
    if not models:
        return Step("Models", False, "the server answers, but has no chat model")
    loaded = sum(model.loaded for model in models)
    noun = "model" if len(models) == 1 else "models"
    return Step("Models", True, f"{len(models)} chat {noun}, {loaded} loaded")
