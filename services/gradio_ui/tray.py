"""The line above the question box: attach, what is attached with its cost, how full the context is.

Owns its words and marks as HTML that escapes everything foreign. `tray.js` makes its buttons
events; what they do is `tray_handlers`'.
"""

from __future__ import annotations

from html import escape

from chat_client import ContextUse, Image, TextFile
from gradio_ui.attached import Attached

WORTH_SAYING = 0.7  # a beginner is told from here on, the other modes always
CLIP = (
    '<svg aria-hidden="true" viewBox="0 0 24 24" width="16" height="16" fill="none" '
    'stroke="currentColor" stroke-width="2" stroke-linecap="round" stroke-linejoin="round">'
    '<path d="M21 11.5l-8.6 8.6a5.6 5.6 0 0 1-7.9-7.9L13 3.7a3.7 3.7 0 0 1 5.3 5.3l-8.6 8.5'
    'a1.9 1.9 0 0 1-2.6-2.6l7.9-7.9"/></svg>'
)


def tray(attached: Attached, unseen: str, use: ContextUse, leaving_out: bool) -> str:
    """The whole line; `unseen`: why the pictures cannot go, `leaving_out`: the choice is made."""
    chips = "".join(_chip(number, each) for number, each in enumerate(attached.items))
    told = " ".join(part for part in (attached.trouble, unseen) if part)
    alert = f'<p class="trouble" role="alert">{escape(told)}</p>' if told else ""
    listed = f'<ul class="chips" aria-label="Attached">{chips}</ul>' if chips else ""
    full = use.full and not leaving_out
    return (
        '<div class="tray"><div class="line">'
        '<button type="button" class="attach" data-do="attach" title="Pictures, texts, code, PDF; '
        f'paste or drop them, too">{CLIP}Attach</button>{listed}{_meter(use, leaving_out)}</div>'
        f"{alert}{_choice(use) if full else ''}</div>"
    )


def _chip(number: int, item: Image | TextFile) -> str:
    name = escape(item.name)
    note = f", {item.note}" if isinstance(item, TextFile) and item.note else ""
    return (
        f'<li><span class="name" title="{name}">{name}</span>'
        f'<span class="cost">about {item.tokens:,} tokens{escape(note)}</span>'
        f'<button type="button" data-do="remove" data-number="{number}" '
        f'aria-label="Remove {name}">&times;</button></li>'
    )


def _meter(use: ContextUse, leaving_out: bool) -> str:
    share = min(1.0, use.share or 0.0)
    worth = " worth" if share >= WORTH_SAYING else ""
    told = ", ".join(f"{name} {tokens:,}" for name, tokens in use.parts)
    parts = escape(told[0].upper() + told[1:])
    out = "; the oldest messages are left out" if leaving_out and use.falls_out else ""
    widths = [min(1.0, tokens / use.window) for _, tokens in use.parts] if use.window else []
    stacked = "".join(f'<i style="width:{width:.1%}"></i>' for width in widths)
    bar = f'<span class="bar" aria-hidden="true">{stacked}</span>' if stacked else ""
    return (
        f'<details class="meter{worth}"><summary>{bar}'
        f"<span>Context: {escape(use.line)}{out}</span></summary>"
        f'<div class="parts"><p>{parts}.</p>{_next_out(use)}</div></details>'
    )


def _next_out(use: ContextUse) -> str:
    if use.window is None:
        return "<p>The server does not tell how much the model can look at.</p>"
    if use.falls_out:
        return ""
    first = f": “{escape(use.oldest)}”" if use.oldest else ""
    return (
        f"<p>{use.free or 0:,} tokens are free. When none are, the oldest messages go first"
        f"{first}.</p>"
    )


def _choice(use: ContextUse) -> str:
    """What to do when no more fits; nothing is dropped unless somebody says so."""
    oldest = f" Next to go: “{escape(use.oldest)}”." if use.oldest else ""
    return (
        f'<div class="full" role="status"><p><b>The context is full:</b> {escape(use.line)}.'
        f"{oldest} The model cannot look at more.</p>"
        '<button type="button" data-do="leave-out">Leave the oldest out</button>'
        '<button type="button" data-do="new-chat">Begin a new chat</button></div>'
    )
