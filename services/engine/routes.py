"""Every route: which path is answered how.

A handler here reads the body and picks the dialect; `answer` does the rest. Collaborators are on
`app.state` (see `app`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import aiohttp
import orjson
from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response

from engine import listing
from engine.answer import Answer
from engine.catalogue import Catalogue, Instance
from engine.chat import Chat
from engine.completions import Completions
from engine.dialect import Dialect, Json
from engine.embeddings import Embeddings
from engine.errors import EngineError, Family, Refusal, render
from engine.messages import Messages
from engine.native_chat import NativeChat
from engine.responses import Responses
from engine.wire import reply

MAX_BODY_BYTES = 32 * 1024 * 1024
GREETING_HEADERS = {"X-Lectern-Engine": "1"}
Make = Callable[[Json, FastAPI], Dialect]

PREDICTIONS: dict[str, tuple[Family, Make]] = {
    "/v1/chat/completions": (Family.OPENAI, lambda body, _: Chat(body)),
    "/v1/completions": (Family.OPENAI, lambda body, _: Completions(body)),
    "/v1/embeddings": (Family.OPENAI, lambda body, _: Embeddings(body)),
    "/v1/responses": (Family.OPENAI, lambda body, app: Responses(body, app.state.history)),
    "/v1/messages": (Family.ANTHROPIC, lambda body, _: Messages(body)),
    "/api/v0/chat/completions": (Family.OPENAI, lambda body, _: Chat(body, native=True)),
    "/api/v0/completions": (Family.OPENAI, lambda body, _: Completions(body, native=True)),
    "/api/v0/embeddings": (Family.OPENAI, lambda body, _: Embeddings(body)),
    "/api/v1/chat": (Family.NATIVE, lambda body, app: NativeChat(body, app.state.history)),
}


def add_routes(app: FastAPI) -> None:
    """Adds all of them."""
    for path, (family, make) in PREDICTIONS.items():
        app.add_route(path, _predicting(family, make), methods=["POST"])
    app.add_route("/lmstudio-greeting", greeting, methods=["GET"])
    app.add_route("/healthz", health, methods=["GET"])
    app.add_route("/engine/slots", slots, methods=["GET"])
    app.add_route("/v1/models", openai_models, methods=["GET"])
    app.add_route("/api/v0/models", v0_models, methods=["GET"])
    app.add_route("/api/v0/models/{model:path}", v0_model, methods=["GET"])
    app.add_route("/api/v1/models", v1_models, methods=["GET"])
    app.add_route("/api/v1/models/load", load, methods=["POST"])
    app.add_route("/api/v1/models/unload", unload, methods=["POST"])


def _predicting(family: Family, make: Make) -> Callable[[Request], Any]:
    async def predict(request: Request) -> Response:
        try:
            body = await read_body(request)
        except Refusal as refusal:
            return _refused(refusal, family)
        state = request.app.state
        dialect = make(body, request.app)
        return Answer(dialect, state.catalogue, state.client, state.settings.tokens_per_second)

    return predict


async def read_body(request: Request) -> Json:
    """The request's JSON object; raises Refusal."""
    data = bytearray()
    async for part in request.stream():
        data += part
        if len(data) > MAX_BODY_BYTES:
            raise Refusal("request entity too large", status=413)
    try:
        body = orjson.loads(bytes(data) or b"{}")
    except orjson.JSONDecodeError as error:
        raise Refusal(f"The request body is not valid JSON: {error}") from None
    if not isinstance(body, dict):
        raise Refusal("The request body must be a JSON object")
    return body


async def greeting(_: Request) -> Response:
    """How LM Studio's own clients find it; the header tells this engine from LM Studio."""
    return reply({"lmstudio": True}, headers=GREETING_HEADERS)


async def health(_: Request) -> Response:
    """Answers once the models are loaded: the server listens no earlier."""
    return reply({"status": "ok"}, headers=GREETING_HEADERS)


async def slots(request: Request) -> Response:
    """Predictions under way. `generating` is llama.cpp's own count of slots at work."""
    catalogue: Catalogue = request.app.state.catalogue
    client: aiohttp.ClientSession = request.app.state.client
    rows = await asyncio.gather(*(_slots(client, each) for each in catalogue.instances))
    return reply({"models": rows})


async def _slots(client: aiohttp.ClientSession, instance: Instance) -> Json:
    line = instance.slots
    try:
        url = f"{instance.llama.url}/slots"
        async with client.get(url, headers=instance.llama.headers) as response:
            generating = sum(slot["is_processing"] for slot in await response.json())
    except aiohttp.ClientError:
        generating = None
    return {
        "id": instance.id,
        "slots": line.count,
        "active": line.active,
        "queued": line.queued,
        "finished": line.finished,
        "cancelled": line.cancelled,
        "generating": generating,
    }


async def openai_models(request: Request) -> Response:
    return reply(listing.openai_list(request.app.state.catalogue))


async def v0_models(request: Request) -> Response:
    return reply(listing.v0_list(request.app.state.catalogue))


async def v0_model(request: Request) -> Response:
    catalogue: Catalogue = request.app.state.catalogue
    name = request.path_params["model"]
    model = catalogue.model(name)
    if model is None:
        return reply({"error": f'Model "{name}" not found'}, 404)
    return reply(listing.v0_model(catalogue, model))


async def v1_models(request: Request) -> Response:
    return reply(listing.v1_list(request.app.state.catalogue))


async def load(request: Request) -> Response:
    """Loads a model once more: as in LM Studio a second load makes a second instance."""
    catalogue: Catalogue = request.app.state.catalogue
    try:
        body = await read_body(request)
        model = catalogue.model(_named(body, "model"))
        if model is None:
            raise _not_found(f'Model "{body["model"]}" is not known to this engine.', "model")
        instance = await catalogue.load(model, _context_length(body, model.card.context_length))
    except Refusal as refusal:
        return _refused(refusal, Family.NATIVE)
    except EngineError as error:
        return _refused(Refusal(str(error), 500, kind="model_load_failed"), Family.NATIVE)
    return reply(listing.loaded(instance, body.get("echo_load_config") is True))


async def unload(request: Request) -> Response:
    """Unloads an instance; what it is answering ends with an error."""
    try:
        name = _named(await read_body(request), "instance_id")
        instance = await request.app.state.catalogue.unload(name)
        if instance is None:
            raise _not_found(f'No loaded instance "{name}".', "instance_id")
    except Refusal as refusal:
        return _refused(refusal, Family.NATIVE)
    return reply({"instance_id": instance.id})


def _refused(refusal: Refusal, family: Family) -> Response:
    status, body = render(refusal, family)
    return reply(body, status)


def _named(body: Json, field: str) -> str:
    name = body.get(field)
    if not isinstance(name, str) or not name:
        raise Refusal(f"'{field}' field is required", kind="invalid_request", param=field)
    return name


def _not_found(message: str, param: str) -> Refusal:
    return Refusal(message, 404, kind="model_not_found", param=param)


def _context_length(body: Json, most: int) -> int | None:
    length = body.get("context_length")
    if length is None:
        return None
    if not isinstance(length, int) or isinstance(length, bool) or not 1 <= length <= most:
        message = f"'context_length' must be a whole number from 1 to {most} for this model"
        raise Refusal(message, kind="invalid_request", param="context_length")
    return length
