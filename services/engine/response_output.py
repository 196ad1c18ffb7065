"""The output items of a /v1/responses reply as they grow, and the events that tell of it.

Items are `reasoning`, `message` and `function_call`, one after another; an item is closed when
another begins or the answer ends. Names and order of the events are OpenAI's.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from engine.dialect import Json, new_id

TEXTS = {"reasoning": "reasoning_text", "message": "output_text"}


class Output:
    """Grows by chat deltas. Each event is a pair of its type and its fields."""

    def __init__(self) -> None:
        self.items: list[Json] = []
        self._open: Json | None = None
        self._call: int | None = None

    @property
    def text(self) -> str:
        """What the assistant said."""
        texts = [item["content"][0]["text"] for item in self.items if item["type"] == "message"]
        return "".join(texts)

    @property
    def calls(self) -> list[Json]:
        """The function calls, in the chat API's shape."""
        return [
            {
                "id": item["call_id"],
                "type": "function",
                "function": {"name": item["name"], "arguments": item["arguments"]},
            }
            for item in self.items
            if item["type"] == "function_call"
        ]

    def add(self, delta: Json, logprobs: Json | None = None) -> Iterator[tuple[str, Json]]:
        """The events of one chat delta."""
        if text := delta.get("reasoning_content"):
            yield from self._text("reasoning", text, [])
        if text := delta.get("content"):
            yield from self._text("message", text, _logprobs(logprobs))
        for call in delta.get("tool_calls") or ():
            yield from self._function(call)

    def close(self) -> Iterator[tuple[str, Json]]:
        """The events that end the open item."""
        item, self._open = self._open, None
        if item is None:
            return
        item["status"] = "completed"
        here = self._place(item)
        if item["type"] == "function_call":
            fields = {"name": item["name"], "arguments": item["arguments"]}
            yield "response.function_call_arguments.done", here | fields
        else:
            part = item["content"][0]
            done = {"text": part["text"], "content_index": 0}
            done |= {"logprobs": part["logprobs"]} if item["type"] == "message" else {}
            yield f"response.{part['type']}.done", here | done
            yield "response.content_part.done", here | {"content_index": 0, "part": part}
        yield "response.output_item.done", {"output_index": here["output_index"], "item": item}

    def _text(self, kind: str, text: str, logprobs: list[Json]) -> Iterator[tuple[str, Json]]:
        if self._open is None or self._open["type"] != kind:
            yield from self.close()
            yield from self._begin(kind)
        item = self.items[-1]
        part = item["content"][0]
        part["text"] += text
        fields: Json = {"content_index": 0, "delta": text}
        if kind == "message":
            part["logprobs"] += logprobs
            fields["logprobs"] = logprobs
        yield f"response.{part['type']}.delta", self._place(item) | fields

    def _begin(self, kind: str) -> Iterator[tuple[str, Json]]:
        part: Json = {"type": TEXTS[kind], "text": ""}
        item: Json = {"id": new_id("rs_" if kind == "reasoning" else "msg_"), "type": kind}
        item["status"] = "in_progress"
        if kind == "message":
            item["role"] = "assistant"
            part |= {"annotations": [], "logprobs": []}
        else:
            item["summary"] = []
        yield from self._open_item(item | {"content": []})
        self.items[-1]["content"].append(part)
        place = self._place(self.items[-1]) | {"content_index": 0}
        yield "response.content_part.added", place | {"part": _copy(part)}

    def _function(self, call: Json) -> Iterator[tuple[str, Json]]:
        function = call.get("function") or {}
        index = call.get("index", len(self.items))
        if self._open is None or self._open["type"] != "function_call" or self._call != index:
            yield from self.close()
            self._call = index
            item = {"id": new_id("fc_"), "type": "function_call", "status": "in_progress"}
            item |= {"call_id": call.get("id") or new_id("call_"), "arguments": ""}
            yield from self._open_item(item | {"name": function.get("name", "")})
        if arguments := function.get("arguments"):
            item = self.items[-1]
            item["arguments"] += arguments
            fields = self._place(item) | {"delta": arguments}
            yield "response.function_call_arguments.delta", fields

    def _open_item(self, item: Json) -> Iterator[tuple[str, Json]]:
        self._open = item
        self.items.append(item)
        index = len(self.items) - 1
        yield "response.output_item.added", {"output_index": index, "item": _copy(item)}

    def _place(self, item: Json) -> Json:
        return {"item_id": item["id"], "output_index": len(self.items) - 1}


def _copy(value: Any) -> Any:
    """What an event says stays as it was when the item grows on."""
    if isinstance(value, dict):
        return {key: _copy(inner) for key, inner in value.items()}
    return [_copy(inner) for inner in value] if isinstance(value, list) else value


def _logprobs(found: Json | None) -> list[Json]:
    """OpenAI's entries without llama.cpp's token ids."""
    entries = (found or {}).get("content") or ()
    return [
        _entry(entry) | {"top_logprobs": [_entry(top) for top in entry.get("top_logprobs") or ()]}
        for entry in entries
    ]


def _entry(entry: Json) -> Json:
    return {key: entry[key] for key in ("token", "bytes", "logprob") if key in entry}
