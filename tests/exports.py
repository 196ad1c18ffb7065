"""A small file as other programs export their chats, for the tests of imports."""

from __future__ import annotations

from typing import Any

CHATGPT: dict[str, Any] = {
    "title": "From elsewhere",
    "create_time": 1700000000.0,
    "mapping": {
        "a": {"id": "a", "message": None, "parent": None, "children": ["b"]},
        "b": {
            "id": "b",
            "parent": "a",
            "children": [],
            "message": {
                "id": "b",
                "author": {"role": "user"},
                "create_time": 1700000000.0,
                "content": {"content_type": "text", "parts": ["Hello from there"]},
            },
        },
    },
    "current_node": "b",
}
