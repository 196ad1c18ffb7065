"""The Server page, like LM Studio's: its widgets, their places and their events.

Owns the layout. What the cards show is `server_handlers`'.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import gradio as gr

from chat_client import ALL_MODELS, OUTCOME_HELP, OUTCOMES, PAST_GATEWAY, VIA_GATEWAY
from gradio_ui.events import DIRECT, STREAMS
from gradio_ui.navigation import SERVER, Navigation
from gradio_ui.page_scripts import CARDS
from gradio_ui.request_log import TITLE
from gradio_ui.server_handlers import ServerHandlers

LOOK_S = 2.0


@dataclass(frozen=True)
class RequestsCard:
    """The request log and what is picked from it."""

    notes: gr.HTML
    outcome: gr.Radio
    model: gr.Dropdown
    rows: gr.HTML


@dataclass(frozen=True)
class ProgramsCard:
    """Programs that ask one of the two servers."""

    target: gr.Radio
    code: gr.HTML


@dataclass(frozen=True)
class ServerPage:
    """The page's widgets; each card is HTML of our own."""

    column: gr.Column
    timer: gr.Timer
    gateway: gr.HTML
    state: gr.HTML
    models: gr.HTML
    programs: ProgramsCard
    log: RequestsCard
    wire: gr.HTML


def make_server_page() -> ServerPage:
    """Builds the page inside the layout block that is open right now."""
    with gr.Column(visible=False, elem_id="server", elem_classes="place") as column:
        with gr.Row(elem_id="server-addresses"):
            gateway, state = _card("server-gateway"), _card("server-state")
        models = _card("server-models")
        programs = _programs()
        log = _requests()
        wire = _card("server-wire")
    timer = gr.Timer(LOOK_S, active=False)
    return ServerPage(column, timer, gateway, state, models, programs, log, wire)


def _programs() -> ProgramsCard:
    with gr.Column(elem_id="server-programs", elem_classes="card"):
        gr.HTML("<h2>From a program</h2>", padding=False, apply_default_css=False)
        target = gr.Radio(
            [VIA_GATEWAY, PAST_GATEWAY], value=VIA_GATEWAY, label="Ask", elem_id="ask-whom"
        )
        return ProgramsCard(target, _card("server-snippets"))


def _requests() -> RequestsCard:
    with gr.Column(elem_id="server-requests", elem_classes="card"):
        gr.HTML(TITLE, padding=False, apply_default_css=False)
        notes = gr.HTML("", padding=False, apply_default_css=False)
        with gr.Row(elem_id="log-choices"):
            outcome = gr.Radio(
                [(label, value) for value, label in OUTCOMES.items()],
                value="",
                label="Show",
                info=OUTCOME_HELP,
                min_width=240,
            )
            model = gr.Dropdown([(ALL_MODELS, "")], value="", label="Model", min_width=200)
        return RequestsCard(notes, outcome, model, _card("server-log"))


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
    target = page.programs.target
    inputs = [session, chosen, target]
    cards = [page.state, page.models, target, page.programs.code, page.wire]
    turned = navigation.place.change(
        lambda place: gr.Timer(active=place == SERVER), [navigation.place], [page.timer], **DIRECT
    )
    turned.then(handlers.look, inputs, cards, **DIRECT)
    log = page.log
    requests = {
        "fn": handlers.log,
        "inputs": [session, log.outcome, log.model],
        "outputs": [page.gateway, log.notes, log.model, log.rows],
        **DIRECT,
    }
    page.timer.tick(handlers.look, inputs, cards, **DIRECT)
    target.input(handlers.look, inputs, cards, **DIRECT)
    for event in (turned.then, page.timer.tick, log.outcome.input, log.model.input):
        event(**requests)
    acted = page.models.click(handlers.act, [session], [page.models], **STREAMS)
    return acted.then(handlers.look, inputs, cards, **DIRECT)
