"""Turns a /v1/responses request into a chat request: input items, instructions, tools, format."""

from __future__ import annotations

from typing import Any

from engine.conversation import list_in, object_in
from engine.dialect import Json, passed_on
from engine.errors import Refusal

# Fields of this route that mean nothing to a chat request.
OWN_FIELDS = frozenset(
    (
        *("input", "instructions", "previous_response_id", "store", "include", "reasoning"),
        *("text", "max_output_tokens", "tools", "metadata", "truncation", "background"),
        *("user", "prompt", "service_tier", "max_tool_calls", "stream"),
    )
)
LOGPROBS = "message.output_text.logprobs"
TEXT_PARTS = ("input_text", "output_text", "text")


def chat_request(body: Json, messages: list[Json]) -> Json:
    """llama.cpp's chat body for a conversation; everything but the messages comes from `body`."""
    request = {key: value for key, value in passed_on(body).items() if key not in OWN_FIELDS}
    request["messages"] = messages
    if body.get("max_output_tokens") is not None:
        request["max_tokens"] = body["max_output_tokens"]
    if effort := object_in(body, "reasoning").get("effort"):
        request["reasoning_effort"] = effort
    if tools := [_tool(tool) for tool in list_in(body, "tools")]:
        request["tools"] = tools
    form = object_in(object_in(body, "text"), "format")
    if form.get("type") == "json_schema":
        schema = {key: form[key] for key in ("name", "schema", "strict") if key in form}
        request["response_format"] = {"type": "json_schema", "json_schema": schema}
    elif form.get("type") not in (None, "text"):
        raise Refusal("'text.format.type' must be 'json_schema' or 'text'")
    if LOGPROBS in list_in(body, "include"):
        request |= {"logprobs": True, "top_logprobs": body.get("top_logprobs") or 0}
    return request


def messages_of(items: Any) -> list[Json]:
    """Chat messages of an input: a string or a list of items."""
    if isinstance(items, str):
        return [{"role": "user", "content": items}]
    if not isinstance(items, list) or not items:
        raise Refusal("'input' field is required and must be a string or an array")
    return [message for item in items for message in _messages_of(item)]


def _messages_of(item: Any) -> list[Json]:
    kind = item.get("type", "message") if isinstance(item, dict) else None
    if kind == "message" and isinstance(item.get("role"), str):
        return [{"role": item["role"], "content": _content(item.get("content"))}]
    if kind == "function_call":
        function = {"name": item.get("name"), "arguments": item.get("arguments")}
        call = {"id": item.get("call_id"), "type": "function", "function": function}
        return [{"role": "assistant", "content": "", "tool_calls": [call]}]
    if kind == "function_call_output":
        output = _content(item.get("output"))
        return [{"role": "tool", "tool_call_id": item.get("call_id"), "content": output}]
    if kind == "reasoning":
        return []
    raise Refusal(f"Invalid type for 'input' item: {kind!r}")


def _content(content: Any) -> Any:
    if isinstance(content, list):
        return [_part(part) for part in content]
    return content


def _part(part: Any) -> Json:
    kind = part.get("type") if isinstance(part, dict) else None
    if kind == "input_image":
        return {"type": "image_url", "image_url": {"url": part.get("image_url")}}
    if kind not in TEXT_PARTS:
        raise Refusal(f"Invalid type for a part of 'content': {kind!r}")
    return {"type": "text", "text": part.get("text", "")}


def _tool(tool: Any) -> Json:
    if not isinstance(tool, dict) or tool.get("type") != "function":
        raise Refusal("'tools' of this engine must have the type 'function'")
    fields = ("name", "description", "parameters", "strict")
    return {"type": "function", "function": {key: tool[key] for key in fields if key in tool}}
