"""What the page says of a model: one line in the picker, one below it.

Owns those words. `style.css` reads their ends, to put the headings Loaded and Available between
the lines and to grey those that may not be used.
"""

from __future__ import annotations

from html import escape

from chat_client import Model

LOADED, AVAILABLE, REFUSED = "loaded", "not loaded", "not for this key"


def model_choice(model: Model) -> str:
    """For example `lectern-101@q8_0 · Q8_0 · 4.7M · 5 MB · 1,024 tokens · loaded`."""
    window = model.context_length or model.max_context_length
    limit = "" if model.context_length else "up to "
    state = LOADED if model.loaded else AVAILABLE
    parts = [
        model.id,
        model.quantization,
        model.parameters,
        model.size,
        window and f"{limit}{window:,} tokens",
        *model.badges,
        model.refused and REFUSED,
        state,
    ]
    return " · ".join(str(part) for part in parts if part)


def model_facts(model: Model | None) -> str:
    """What is known of the picked model, as one line of safe HTML."""
    if model is None:
        return ""
    if model.refused:
        return f'<span class="refused" role="alert">{escape(model.refused)}</span>'
    window = model.context_length or model.max_context_length
    parts = [
        "Loaded" if model.loaded else "Not loaded yet: the first question loads it",
        model.quantization,
        model.parameters and f"{model.parameters} parameters",
        window and f"context {window:,} tokens",
        model.size,
    ]
    badges = "".join(f' <span class="badge">{escape(name)}</span>' for name in model.badges)
    return escape(" · ".join(part for part in parts if part)) + badges
