"""The Server page, like LM Studio's: its widgets, their places and their events.

Owns the layout. What the cards show is `server_handlers`'.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import gradio as gr

from gradio_ui.events import DIRECT, STREAMS
from gradio_ui.navigation import SERVER, Navigation
from gradio_ui.page_scripts import CARDS
from gradio_ui.server_handlers import ServerHandlers

LOOK_S = 2.0


@dataclass(frozen=True)
class ServerPage:
    """The page's widgets; each card is HTML of our own."""

    column: gr.Column
    timer: gr.Timer
    state: gr.HTML
    models: gr.HTML
    snippets: gr.HTML
    log: gr.HTML
    wire: gr.HTML


def make_server_page() -> ServerPage:
    """Builds the page inside the layout block that is open right now."""
    with gr.Column(visible=False, elem_id="server", elem_classes="place") as column:
        state = _card("server-state")
        models = _card("server-models")
        snippets = _card("server-snippets")
        log = _card("server-log")
        wire = _card("server-wire")
    timer = gr.Timer(LOOK_S, active=False)
    return ServerPage(column, timer, state, models, snippets, log, wire)


def _card(name: str) -> gr.HTML:
    return gr.HTML("", elem_id=name, padding=False, apply_default_css=False, js_on_load=CARDS)


def wire_server_page(
    page: ServerPage,
    navigation: Navigation,
    session: gr.State,
    chosen: gr.Textbox,
    handlers: ServerHandlers,
) -> Any:
    """Draws the page whenever it is turned to, and again and again while it is open.

    Returns the event after which other models are loaded than before.
    """
    inputs, cards = [session, chosen], [page.state, page.models, page.snippets, page.wire]
    turned = navigation.place.change(
        lambda place: gr.Timer(active=place == SERVER), [navigation.place], [page.timer], **DIRECT
    )
    turned.then(handlers.look, inputs, cards, **DIRECT)
    turned.then(handlers.log, [session], [page.log], **DIRECT)
    page.timer.tick(handlers.look, inputs, cards, **DIRECT)
    page.timer.tick(handlers.log, [session], [page.log], **DIRECT)
    acted = page.models.click(handlers.act, [session], [page.models], **STREAMS)
    return acted.then(handlers.look, inputs, cards, **DIRECT)
