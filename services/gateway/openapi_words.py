"""The words of the relayed routes in `/openapi.json`: summaries, errors, headers, examples.

Owns text only. What a route takes and asks for is `routes.RELAYED`'s.
"""

from __future__ import annotations

from typing import Any

SUMMARIES = {
    "/v1/chat/completions": "Chat, in OpenAI's form",
    "/v1/completions": "Continue a text, in OpenAI's older form",
    "/v1/embeddings": "Vectors of texts, in OpenAI's form",
    "/v1/responses": "Chat, in the form of OpenAI's Responses",
    "/v1/messages": "Chat, in Anthropic's form",
    "/v1/messages/count_tokens": "Count a prompt's tokens, where the model server can",
    "/v1/models": "The models that there are, in OpenAI's form",
    "/v1/models/{model}": "One model, in OpenAI's form",
    "/api/v0/chat/completions": "Chat, with LM Studio's figures",
    "/api/v0/completions": "Continue a text, with LM Studio's figures",
    "/api/v0/embeddings": "Vectors of texts, by LM Studio's older API",
    "/api/v0/models": "The models that there are, with their state",
    "/api/v0/models/{model}": "One model, with its state",
    "/api/v1/chat": "Chat, in LM Studio's own form",
    "/api/v1/models": "The models that there are, with everything LM Studio knows",
    "/api/v1/models/load": "Load a model",
    "/api/v1/models/unload": "Unload a model",
    "/api/v1/models/download": "Download a model",
    "/api/v1/models/download/status/{job}": "How far a download is",
}

ERRORS = {
    "400": "The request cannot be understood, or is longer than the model's context",
    "401": "No key, or one that is not known here, has expired or was revoked",
    "403": "The key lacks the scope or may not use the model",
    "404": "There is no such model; the message names those that exist",
    "413": "The body is too large",
    "429": "A limit of the key is reached, or too many wait; `Retry-After` says when to come back",
    "501": "The model server does not have this route",
    "502": "The model server is away, or broke off",
    "503": "No slot came free in time, the database does not answer, or the gateway is stopping",
    "504": "The model server said nothing for too long",
    "default": "The model server's own error, in this shape",
}

_TEXT = {"schema": {"type": "string"}}
HEADERS: dict[str, Any] = {
    "X-Request-Id": {"description": "names this request in the gateway's log", **_TEXT},
    "X-Lectern-Queue-Ms": {"description": "milliseconds in line", **_TEXT},
    "X-Lectern-Overhead-Ms": {"description": "milliseconds of the gateway's own work", **_TEXT},
    "X-RateLimit-Limit-Requests": {"description": "requests per minute, where limited", **_TEXT},
    "X-RateLimit-Remaining-Requests": {"description": "of these, how many are left", **_TEXT},
    "X-RateLimit-Reset-Requests": {"description": "until one more is free: `7s`", **_TEXT},
    "X-RateLimit-Limit-Tokens": {"description": "tokens per minute, where limited", **_TEXT},
    "X-RateLimit-Remaining-Tokens": {"description": "of these, how many are left", **_TEXT},
    "X-RateLimit-Reset-Tokens": {"description": "until all are free again: `42s`", **_TEXT},
}

_TURN = [{"role": "user", "content": "What is a token?"}]
_MODEL = "lectern-101"
_CHAT = {"model": _MODEL, "messages": _TURN, "max_tokens": 16}
_PROMPT = {"model": _MODEL, "prompt": "A token is", "max_tokens": 16}
_INPUT = {"model": _MODEL, "input": "What is a token?"}
EXAMPLES: dict[str, Any] = {
    "/v1/chat/completions": {**_CHAT, "stream": True},
    "/v1/completions": _PROMPT,
    "/v1/embeddings": _INPUT,
    "/v1/responses": {**_INPUT, "max_output_tokens": 16},
    "/v1/messages": _CHAT,
    "/v1/messages/count_tokens": {"model": _MODEL, "messages": _TURN},
    "/api/v0/chat/completions": _CHAT,
    "/api/v0/completions": _PROMPT,
    "/api/v0/embeddings": _INPUT,
    "/api/v1/chat": {**_INPUT, "max_output_tokens": 16},
    "/api/v1/models/load": {"model": _MODEL},
    "/api/v1/models/unload": {"instance_id": _MODEL},
    "/api/v1/models/download": {"model": "https://huggingface.co/owner/model"},
}
