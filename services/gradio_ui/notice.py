"""The line above the question box that says what is not kept, and sentences that name a command.

Owns their form as safe HTML; the words themselves come from `chat_client`.
"""

from __future__ import annotations

import re
from html import escape
from typing import Any

import gradio as gr


def notice(words: str) -> dict[str, Any]:
    """The line, or nothing where there is nothing to say."""
    text = f'<p class="notice" role="status">{with_code(words)}</p>' if words else ""
    return dict(gr.update(value=text, visible=bool(words)))


def with_code(text: str) -> str:
    """Escaped text in which `commands` between backticks are set as code."""
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(text))
