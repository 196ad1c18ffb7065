"""The arguments that every event of the page is declared with.

Owns the rule that each is private: the page offers no API by accident.
"""

from __future__ import annotations

from typing import Any

PRIVATE: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}
# The line of `Handlers` decides who is served; Gradio's own would hide the question meanwhile.
# "multiple": by default the browser drops what a person does while the same event is under way, as
# it is a moment longer than the answer, and as long as an opened chat's answer still comes.
STREAMS = PRIVATE | {"concurrency_limit": None, "trigger_mode": "multiple"}
DIRECT = PRIVATE | {"queue": False}
