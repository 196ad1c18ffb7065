"""The arguments that every event of the page is declared with.

Owns the rule that each is private: the page offers no API by accident.
"""

from __future__ import annotations

from typing import Any

PRIVATE: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}
# The line of `Handlers` decides who is served; Gradio's own would hide the question meanwhile.
STREAMS = PRIVATE | {"concurrency_limit": None}
DIRECT = PRIVATE | {"queue": False}
