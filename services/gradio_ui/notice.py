"""The line above the question box that says what is not kept.

Owns its words' form as safe HTML; the words themselves come from `chat_client`.
"""

from __future__ import annotations

from html import escape
from typing import Any

import gradio as gr


def notice(words: str) -> dict[str, Any]:
    """The line, or nothing where there is nothing to say."""
    text = f'<p class="notice" role="status">{escape(words)}</p>' if words else ""
    return dict(gr.update(value=text, visible=bool(words)))
