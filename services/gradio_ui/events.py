"""The arguments that every event of the page is declared with.

Owns the rule that each is private: the page offers no API by accident.
"""

from __future__ import annotations

from typing import Any

# With no part to show progress on: at every step of any event the browser would copy the state of
# each part that some event has on its list, of the whole conversation too.
PRIVATE: dict[str, Any] = {
    "api_visibility": "private",
    "show_progress": "hidden",
    "show_progress_on": [],
}
# The line of `Handlers` decides who is served; Gradio's own would hide the question meanwhile.
# "multiple": by default the browser drops what a person does while the same event is under way, as
# it is a moment longer than the answer, and as long as an opened chat's answer still comes.
STREAMS = PRIVATE | {"concurrency_limit": None, "trigger_mode": "multiple"}
# What a question brings along is text; Gradio would go to another thread and back for each part.
ASKS = STREAMS | {"preprocess": False}
DIRECT = PRIVATE | {"queue": False}
