"""How the Server page looks: HTML in which everything foreign is escaped.

Owns its words and marks. `server.js` makes its buttons copy, unfold and act.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

from chat_client import (
    FOR_TEAMMATES,
    FOR_THIS_MACHINE,
    KEY_WANTED,
    NO_KEY_WANTED,
    ChatError,
    Exchange,
    Model,
    ModelGroup,
    RequestLog,
    Snippet,
)
from gradio_ui.lookout import Outlook
from gradio_ui.notice import with_code
from gradio_ui.state_page import state_page

NOTHING_SENT = "Ask something in the chat, then come back: the question stands here as it went."
LOAD_OPTIONS = """<details data-fold="options"><summary>How to load</summary>
<label class="option"><input type="checkbox" name="keep"> Keep it until I unload it, as a further
copy if it is loaded already. Otherwise it is loaded as by a question, and the server may make room
for the next model later.</label>
<label class="option">Context length <input type="number" name="context" min="1" step="1"
placeholder="the server decides"> tokens, for a model that is kept</label></details>"""
MASKED = "The key is masked: put yours in the place of YOUR_KEY."


def state_card(outlook: Outlook, address: str) -> str:
    """Is the model server there, and where do programs find it; no address: where the chats go
    through the gateway, whose card tells it.
    """
    if not outlook.state.reachable:
        return state_page(outlook, compact=False)
    loaded = sum(model.loaded for model in outlook.models)
    count = f"{loaded} of {len(outlook.models)} models loaded"
    trouble = f'<p class="trouble">{escape(str(outlook.refusal))}</p>' if outlook.refusal else ""
    return (
        f'<section class="card" aria-label="State"><p><span class="dot up"></span>'
        f"<b>{escape(outlook.state.server)}</b>{f', {FOR_THIS_MACHINE}' if address else ''} "
        f"<small>· Running · {count}</small></p>{trouble}"
        f"{_address(address, NO_KEY_WANTED) if address else ''}</section>"
    )


def gateway_card(log: RequestLog | ChatError, address: str) -> str:
    """Where teammates find the gateway, and why it does not answer if so."""
    away = isinstance(log, ChatError)
    told = f"{log.message} {log.advice}" if isinstance(log, ChatError) else KEY_WANTED
    return (
        f'<section class="card" aria-label="Gateway"><p><span class="dot '
        f'{"down" if away else "up"}"></span><b>Gateway</b>, {FOR_TEAMMATES}</p>'
        f"{_address(address, told, 'gateway address')}</section>"
    )


def _address(root: str, told: str, name: str = "address") -> str:
    return (
        f'<p class="address"><code>{escape(root)}/v1</code>{_copy(name)}</p>'
        f"<p class='fine'>{with_code(told)}</p>"
    )


def models_card(groups: Sequence[ModelGroup], told: Mapping[str, str], busy: bool) -> str:
    """Every chat model with its button; `told`: what a model's row says of its load."""
    parts = []
    for group in groups:
        rows = "".join(_model(model, told.get(model.id, ""), busy) for model in group.models)
        parts.append(f"<h3>{escape(group.name)}</h3><ul class='models'>{rows}</ul>")
    return (
        f'<section class="card" aria-label="Models"><h2>Models</h2>{"".join(parts)}'
        f"{LOAD_OPTIONS if groups else ''}</section>"
    )


def _model(model: Model, told: str, busy: bool) -> str:
    window = model.context_length or model.max_context_length
    facts = [model.quantization, model.parameters, model.size, window and f"{window:,} tokens"]
    line = " · ".join(str(fact) for fact in (*facts, *model.badges) if fact)
    action = "unload" if model.loaded else "load"
    off = " disabled" if busy or model.refused else ""
    note = told or (escape(model.refused) if model.refused else "")
    return (
        f"<li><div><b>{escape(model.id)}</b><small>{escape(line)}</small>"
        f'<span class="told" role="status">{note}</span></div>'
        f'<button type="button" data-do="{action}" data-id="{escape(model.id)}"{off} '
        f'aria-label="{action.capitalize()} {escape(model.id)}">{action.capitalize()}</button></li>'
    )


def progress(share: float | None, seconds: float) -> str:
    """A bar for a row: how much of the model is loaded, or how long it takes already."""
    if share is None:
        return f"<progress></progress> Loading, {seconds:.0f} s"
    percent = round(100 * share)
    return f'<progress max="100" value="{percent}"></progress> {percent} %, {seconds:.0f} s'


def trouble(error: ChatError) -> str:
    """What went wrong with a row's button."""
    return f'<span class="trouble">{escape(error.message)} {escape(error.advice)}</span>'


def snippets_card(programs: Sequence[Snippet]) -> str:
    """The chat's model and settings as programs, one language at a time."""
    tabs = "".join(
        f'<button type="button" role="tab" data-tab="{each.language}" '
        f'aria-selected="{str(not number).lower()}">{escape(each.title)}</button>'
        for number, each in enumerate(programs)
    )
    panels = "".join(
        f'<div class="code" role="tabpanel" data-panel="{each.language}" aria-label='
        f'"{escape(each.title)}"{" hidden" if number else ""}>'
        f"<pre tabindex='0'>{escape(each.code)}</pre>{_copy(each.title)}</div>"
        for number, each in enumerate(programs)
    )
    masked = f"<p class='fine'>{MASKED}</p>" if any("YOUR_KEY" in p.code for p in programs) else ""
    return f'<div class="tabs" role="tablist" aria-label="Language">{tabs}</div>{panels}{masked}'


def wire_card(exchange: Exchange | None) -> str:
    """The last turn as it went over the wire."""
    if exchange is None or not exchange.url:
        inside = f"<p class='fine'>{NOTHING_SENT}</p>"
    else:
        head = "\n".join(f"{name}: {value}" for name, value in exchange.headers.items())
        sent = f"{exchange.method} {exchange.url}\n\n{exchange.request_text}"
        status = f"status {exchange.status}" if exchange.status else "no answer yet"
        inside = _fold("Request", "the body as it was sent", sent, open_=True)
        inside += _fold("Headers", "with the key hidden", head)
        inside += _fold("Answer", f"{status}, frames as they came", exchange.frames)
    return (
        '<section class="card" aria-label="What the server really sees">'
        f"<h2>What the server really sees</h2>{inside}</section>"
    )


def _fold(title: str, note: str, text: str, *, open_: bool = False) -> str:
    return (
        f'<details data-fold="{title}"{" open" if open_ else ""}><summary>{title} '
        f"<small>{escape(note)}</small></summary>"
        f'<div class="code"><pre tabindex="0">{escape(text)}</pre>{_copy(title)}</div></details>'
    )


def _copy(what: str) -> str:
    label = f"Copy {escape(what)}"
    return f'<button type="button" class="copy" data-copy aria-label="{label}">Copy</button>'
