"""What `/openapi.json` says beyond what FastAPI knows: the relayed routes, keys, true errors.

Owns describing `routes.RELAYED`. Bodies are described as far as the gateway itself reads them: the
rest is the model server's matter and passes as it came. It is public: nothing in it is secret.
"""

from __future__ import annotations

import re
from typing import Any

from gateway.ask import MAX_MODEL_CHARS
from gateway.errors import Protocol
from gateway.openapi_words import ERRORS, EXAMPLES, HEADERS, SUMMARIES
from gateway.routes import RELAYED, RelayedRoute

Json = dict[str, Any]
KEYED: list[Json] = [{"HTTPBearer": []}, {"APIKeyHeader": []}]
OPEN = ("/healthz", "/readyz", "/lmstudio-greeting")
_SCHEMES = {
    "HTTPBearer": {
        "type": "http",
        "scheme": "bearer",
        "description": "`Authorization: Bearer lk-…`, as OpenAI's SDKs send it",
    },
    "APIKeyHeader": {
        "type": "apiKey",
        "in": "header",
        "name": "x-api-key",
        "description": "`x-api-key: lk-…`, as Anthropic's SDKs send it",
    },
}
_MESSAGES_ERROR = {
    "title": "MessagesError",
    "description": "An error, in Anthropic's shape.",
    "type": "object",
    "required": ["type", "error"],
    "properties": {
        "type": {"const": "error"},
        "error": {
            "type": "object",
            "required": ["type", "message"],
            "properties": {"type": {"type": "string"}, "message": {"type": "string"}},
        },
    },
}
_EVENT = {
    "type": "object",
    "properties": {"event": {"type": "string"}, "data": {"type": "string"}},
}
_ERROR_SCHEMAS = {Protocol.ANTHROPIC: "MessagesError"}


def describe(document: Json) -> Json:
    """FastAPI's document, completed in place."""
    paths: Json = document["paths"]
    components = document.setdefault("components", {})
    components["securitySchemes"] = _SCHEMES
    components["headers"] = HEADERS
    schemas = components.setdefault("schemas", {})
    for unused in ("HTTPValidationError", "ValidationError"):  # errors are told in one shape
        schemas.pop(unused, None)
    schemas["MessagesError"] = _MESSAGES_ERROR  # ErrorBody is there already: our own routes' errors
    for path, item in paths.items():
        for operation in item.values():
            operation["responses"].pop("422", None)
            if path not in OPEN:
                operation["security"] = KEYED
    for route in RELAYED:
        path = re.sub(r"\{(\w+):\w+\}", r"{\1}", route.path)
        paths.setdefault(path, {})[route.method.lower()] = _operation(route, path)
    return document


def _operation(route: RelayedRoute, path: str) -> Json:
    """One relayed route."""
    name = re.sub(r"\W+", "_", f"{route.method.lower()}{path}").strip("_")
    operation: Json = {
        "tags": ["model server"],
        "summary": SUMMARIES.get(path, "Passed on to the model server"),
        "description": f"Needs a key with the scope `{route.scope}`.",
        "operationId": name,
        "security": KEYED,
        "parameters": _parameters(route, path),
        "responses": _responses(route),
    }
    if route.method == "POST":
        content: Json = {"schema": _body(route)}
        if path in EXAMPLES:
            content["example"] = EXAMPLES[path]
        operation["requestBody"] = {"required": True, "content": {"application/json": content}}
    return operation


def _parameters(route: RelayedRoute, path: str) -> list[Json]:
    found: list[Json] = [
        {
            "name": name,
            "in": "path",
            "required": True,
            "schema": {"type": "string", "minLength": 1},
        }
        for name in re.findall(r"\{(\w+)\}", path)
    ]
    if route.end_marks:
        found.append(
            {
                "name": "X-Lectern-Heartbeat",
                "in": "header",
                "description": "`off`: no comments while a stream waits",
                "schema": {"type": "string"},
            }
        )
    return found


def _body(route: RelayedRoute) -> Json:
    """The fields that the gateway reads; it enforces their types and asks for none."""
    properties: Json = {
        route.model_field: {"type": ["string", "null"], "maxLength": MAX_MODEL_CHARS},
        "stream": {"type": ["boolean", "null"]},
    }
    if route.usage_on_request:
        properties["stream_options"] = {"type": ["object", "null"]}
    return {
        "type": "object",
        "description": "Every other field passes as it came.",
        "properties": properties,
        "additionalProperties": True,
    }


def _responses(route: RelayedRoute) -> Json:
    answered: Json = {"application/json": {"schema": {"type": "object"}}}
    if route.end_marks:
        answered["text/event-stream"] = {"itemSchema": _EVENT}
    ok: Json = {
        "description": "As the model server answers",
        "content": answered,
        "headers": {name: {"$ref": f"#/components/headers/{name}"} for name in _headers(route)},
    }
    schema = {"$ref": f"#/components/schemas/{_ERROR_SCHEMAS.get(route.protocol, 'ErrorBody')}"}
    refused: Json = {
        status: {"description": meaning, "content": {"application/json": {"schema": schema}}}
        for status, meaning in ERRORS.items()
        if status not in ("400", "404") or route.method == "POST" or "{" in route.path
    }
    return {"200": ok} | refused


def _headers(route: RelayedRoute) -> list[str]:
    limited = route.takes_slot
    return [name for name in HEADERS if limited or not name.startswith("X-RateLimit")]
