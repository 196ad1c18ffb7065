"""What the page says while no model server answers, in HTML that escapes everything foreign.

Owns the words and marks of that page; what was tried and what to do come from `chat_client`.
"""

from __future__ import annotations

from html import escape

from gradio_ui.lookout import Outlook
from gradio_ui.notice import with_code

NO_MODEL = "The model server answers, but it offers no chat model."
LOAD_ONE = "Load a chat model in LM Studio (Developer, then Local Server); this page notices."


def state_page(outlook: Outlook, compact: bool) -> str:
    """The whole page, or with `compact` one box above a conversation that stays in sight."""
    steps = "".join(
        f'<li class="{"ok" if step.ok else "failed"}"><b>{escape(step.name)}</b>'
        f"<span>{escape(step.detail)}</span></li>"
        for step in outlook.state.steps
    )
    level = "p" if compact else "h2"
    return (
        f'<section class="state{" compact" if compact else ""}" role="status">'
        f"<{level} class='state-title'>{escape(_headline(outlook))}</{level}>"
        f'<p class="advice">{with_code(_advice(outlook))}</p>'
        f'<ol class="steps">{steps}</ol>'
        f'<p class="again"><span class="pulse"></span>Trying again every few seconds. '
        f"Nothing to reload.</p></section>"
    )


def _headline(outlook: Outlook) -> str:
    if outlook.refusal is not None:
        return outlook.refusal.message
    if outlook.state.reachable:
        return NO_MODEL
    return f"No model server answers at {outlook.state.url}"


def _advice(outlook: Outlook) -> str:
    if outlook.refusal is not None:
        return outlook.refusal.advice
    return outlook.state.advice or LOAD_ONE


def status_line(outlook: Outlook) -> str:
    """One short line for the header."""
    if outlook.ready:
        return f'<span class="dot up"></span>{escape(outlook.state.url)}'
    return '<span class="dot down"></span>no model server'
