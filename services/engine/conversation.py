"""Checks and normalises the messages and options of a chat request, as LM Studio does.

The sentences are LM Studio's own, so that a client which knows them recognises them. Raises
Refusal; decides nothing about the model.
"""

from __future__ import annotations

from typing import Any

from engine.errors import Refusal

EFFORTS = ("none", "minimal", "low", "medium", "high", "xhigh")
TOOL_CHOICES = ("none", "auto", "required")


def checked_messages(messages: Any) -> list[dict[str, Any]]:
    """The messages for llama.cpp, the role `developer` made `system`."""
    if messages is None:
        raise Refusal("'messages' field is required")
    if not isinstance(messages, list) or not messages:
        raise Refusal("'messages' must be a non-empty array")
    return [_checked_message(message) for message in messages]


def _checked_message(message: Any) -> dict[str, Any]:
    if not isinstance(message, dict) or not isinstance(message.get("role"), str):
        raise Refusal("'messages' must be an array of objects with a 'role' and a 'content'")
    content = message.get("content")
    if isinstance(content, list):
        for part in content:
            _check_part(part)
    elif not isinstance(content, str) and not (content is None and message.get("tool_calls")):
        raise Refusal("'content' must be a string or an array of objects")
    return message | {"role": "system"} if message["role"] == "developer" else message


def _check_part(part: Any) -> None:
    kind = part.get("type") if isinstance(part, dict) else None
    if kind not in ("text", "image_url"):
        raise Refusal(
            "'content' objects must have a 'type' field that is either 'text' or 'image_url'"
        )
    if kind == "image_url":
        image = part.get("image_url")
        url = image.get("url") if isinstance(image, dict) else image
        if not isinstance(url, str) or not url.startswith("data:image/"):
            raise Refusal("'url' field must be a base64 encoded image.")


def has_images(messages: list[dict[str, Any]]) -> bool:
    """True when a message carries a picture."""
    lists = [m["content"] for m in messages if isinstance(m.get("content"), list)]
    parts = [part for parts in lists for part in parts if isinstance(part, dict)]
    return any(part.get("type") in ("image_url", "image") for part in parts)


def refuse_images(messages: list[dict[str, Any]], model: str) -> None:
    """No model of this engine sees pictures."""
    if has_images(messages):
        raise Refusal(
            f"The provided messages contain images, but {model} does not support image inputs."
        )


def check_options(body: dict[str, Any]) -> None:
    """Options that LM Studio refuses although OpenAI's API has them."""
    form = body.get("response_format")
    if form is not None and (
        not isinstance(form, dict) or form.get("type") not in ("json_schema", "text")
    ):
        raise Refusal("'response_format.type' must be 'json_schema' or 'text'")
    choice = body.get("tool_choice")
    if choice is not None and choice not in TOOL_CHOICES:
        kind = "object" if isinstance(choice, dict) else str(choice)
        raise Refusal(
            f"Invalid tool_choice type: '{kind}'. "
            f"Supported string values: {', '.join(TOOL_CHOICES)}"
        )
    effort = body.get("reasoning_effort")
    if effort is not None and effort not in EFFORTS:
        raise Refusal(
            f"Invalid value for 'reasoning_effort': {effort!r}. "
            f"Supported values: {', '.join(EFFORTS)}",
            kind="invalid_request_error",
            param="reasoning_effort",
            code="invalid_value",
        )


def object_in(body: dict[str, Any], name: str) -> dict[str, Any]:
    """An optional field that must be an object; empty when it is not there."""
    value = body.get(name)
    if value is not None and not isinstance(value, dict):
        raise Refusal(f"'{name}' must be an object")
    return value or {}


def list_in(body: dict[str, Any], name: str) -> list[Any]:
    """An optional field that must be an array; empty when it is not there."""
    value = body.get(name)
    if value is not None and not isinstance(value, list):
        raise Refusal(f"'{name}' must be an array")
    return value or []


def limit(body: dict[str, Any], *names: str) -> int | None:
    """The most tokens that the caller wants; -1 and nothing mean no limit."""
    for name in names or ("max_tokens", "max_completion_tokens"):
        value = body.get(name)
        if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
            return value
    return None
