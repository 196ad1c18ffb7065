"""The page: its parts, their places and which event calls which handler.

Owns the Blocks layout. Every event is private: the page offers no API but `endpoints`. Of the page
only the chat itself goes through Gradio's queue, because only it streams.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import gradio as gr

from gradio_ui.chat_widgets import HINT, brand, make_box, make_chatbot, make_chats_panel
from gradio_ui.controls import MODES, Controls, make_controls, shown_settings, wire_controls
from gradio_ui.endpoints import offer_endpoints
from gradio_ui.events import ASKS, DIRECT, STREAMS
from gradio_ui.handlers import Handlers
from gradio_ui.navigation import PLAYGROUND, SERVER, Navigation, make_navigation, wire_navigation
from gradio_ui.outlook_view import AWAY_LOOK_S, OutlookView
from gradio_ui.page_scripts import (
    ENTER,
    FETCH,
    KEEP_MODE,
    KEYS,
    LABELS,
    LAST_MODE,
    NAME_ADDRESS,
    TRAY,
    UNFOLD,
    VERSIONS,
)
from gradio_ui.playground_handlers import PlaygroundHandlers
from gradio_ui.playground_page import (
    PlaygroundPage,
    make_playground_page,
    wire_playground_page,
)
from gradio_ui.presets import PresetPanel, Presets, make_preset_panel, wire_presets
from gradio_ui.prompts import Prompts, wire_prompts
from gradio_ui.server_handlers import ServerHandlers
from gradio_ui.server_page import ServerPage, make_server_page, wire_server_page
from gradio_ui.session import Session
from gradio_ui.shelf import Shelf
from gradio_ui.tools import Tools
from gradio_ui.tour import Tour, make_tour, make_tour_button, wire_tour
from gradio_ui.tray_handlers import TrayHandlers

SHELF_LOOK_S = 10.0
WAITING_ROOM = 200  # people in line at once before Gradio itself would make them wait unseen


@dataclass(frozen=True)
class Parts:
    """The widgets that events read or change."""

    status: gr.HTML
    new_chat: gr.Button
    state: gr.HTML
    column: gr.Column
    chatbot: gr.Chatbot
    box: gr.Textbox
    timer: gr.Timer
    session: gr.State
    controls: Controls
    address: gr.Textbox
    notice: gr.HTML
    tray: gr.HTML
    offset: gr.Number
    export: gr.Textbox
    versions: gr.HTML
    words: gr.Textbox
    shelf: gr.HTML
    mode: gr.Radio
    presets: PresetPanel
    navigation: Navigation
    playground: PlaygroundPage
    server: ServerPage
    tour: Tour
    tour_button: gr.Button


def make_page(handlers: Handlers, tools: Tools | None = None) -> gr.Blocks:
    """The whole page over `handlers`; `tools`: what programs may call by name."""
    page: gr.Blocks
    with gr.Blocks(title="Lectern", analytics_enabled=False, fill_height=True) as page:
        if tools is not None:
            offer_endpoints(tools)  # first, since a handler of the page would take a name
        _wire(page, _lay_out(), handlers)
    page.max_threads = WAITING_ROOM
    page.queue(default_concurrency_limit=None, api_open=False)
    return page


def _lay_out() -> Parts:
    session = gr.State(Session())
    timer = gr.Timer(AWAY_LOOK_S)
    address = gr.Textbox("", visible="hidden", elem_id="address", label="Chat")
    offset = gr.Number(0, visible="hidden", label="Minutes from UTC")
    export = gr.Textbox("", visible="hidden", label="Export")
    versions = gr.HTML(visible="hidden", js_on_load=VERSIONS)
    new_chat, words, shelf = make_chats_panel()
    with gr.Sidebar(label="Settings", open=False, position="right", elem_id="settings"):
        mode = gr.Radio(
            MODES, value="user", label="Show", info="How much there is to set.", elem_id="mode"
        )
        panel = make_preset_panel()
        controls = make_controls()
    navigation, tour_button, status = _lay_out_head()
    state = gr.HTML("", visible=False, elem_id="state", padding=False)
    with gr.Column(scale=1, elem_id="chat-column") as column:
        tour = make_tour()
        chatbot = make_chatbot()
        notice = gr.HTML("", visible=False, elem_id="notice", padding=False)
        tray = gr.HTML("", elem_id="tray", padding=False, apply_default_css=False, js_on_load=TRAY)
        box = make_box()
        gr.HTML(HINT, elem_id="hint", padding=False)
    playground, server = make_playground_page(), make_server_page()
    return Parts(
        status,
        new_chat,
        state,
        column,
        chatbot,
        box,
        timer,
        session,
        controls,
        address,
        notice,
        tray,
        offset,
        export,
        versions,
        words,
        shelf,
        mode,
        panel,
        navigation,
        playground,
        server,
        tour,
        tour_button,
    )


def _lay_out_head() -> tuple[Navigation, gr.Button, gr.HTML]:
    with gr.Row(elem_id="head"):
        gr.HTML(brand(), elem_id="brand", padding=False, scale=1, min_width=120)
        return (
            make_navigation(),
            make_tour_button(),
            gr.HTML("", elem_id="status", padding=False, scale=1, min_width=80),
        )


def _wire(page: gr.Blocks, parts: Parts, handlers: Handlers) -> None:
    outlook, shelf = OutlookView(handlers.lookout), Shelf(handlers.room, handlers.desk)
    tray = TrayHandlers(handlers.desk.arrived, handlers.view)
    looked = _looked(parts)
    listed = {"inputs": [parts.session, parts.words], "outputs": [parts.shelf], **DIRECT}
    for answer in _wire_chat(page, parts, handlers):
        answer.then(shelf.look, **listed).then(outlook.look_now, **looked)
    parts.new_chat.click(handlers.new_chat, [parts.session], _view(parts), **DIRECT).then(
        shelf.look, **listed
    )
    parts.words.input(shelf.look, trigger_mode="multiple", **listed)
    parts.shelf.click(shelf.act, **listed)
    parts.shelf.upload(shelf.load, **listed)
    parts.shelf.download(shelf.export, listed["inputs"], [parts.export, parts.shelf], **DIRECT)
    parts.export.change(None, [parts.export], None, js=FETCH)
    gr.Timer(SHELF_LOOK_S).tick(
        shelf.tick, [*listed["inputs"], parts.shelf], listed["outputs"], **DIRECT
    )
    parts.tray.click(tray.act, [parts.session], [parts.tray], **DIRECT)
    parts.controls.model.change(
        tray.picked, [parts.session, parts.controls.model], [parts.tray], **DIRECT
    )
    parts.controls.model.input(
        outlook.facts, [parts.controls.model], [parts.controls.facts], **DIRECT
    )
    parts.controls.refresh.click(outlook.look_now, **looked)
    parts.timer.tick(outlook.look, **looked)
    page.load(outlook.look, **looked)
    page.load(None, js=UNFOLD)
    page.load(None, js=KEYS)
    page.load(None, js=LABELS)
    _wire_settings(page, parts, handlers)
    columns = {PLAYGROUND: parts.playground.column, SERVER: parts.server.column}
    wire_navigation(page, parts.navigation, parts.session, columns)
    wire_playground_page(
        parts.playground,
        parts.navigation,
        parts.session,
        parts.controls.chosen,
        PlaygroundHandlers(handlers),
    )
    wire_server_page(
        parts.server,
        parts.navigation,
        parts.session,
        parts.controls.chosen,
        ServerHandlers(handlers.settings, handlers.lookout, handlers.room),
    ).then(outlook.look_now, **looked)


def _wire_settings(page: gr.Blocks, parts: Parts, handlers: Handlers) -> None:
    presets, panel = Presets(handlers.room, handlers.desk), parts.presets
    wire_controls(parts.controls)
    wire_presets(parts.controls, panel, presets, parts.export, DIRECT)
    parts.mode.change(shown_settings, [parts.mode], parts.controls.settings, **DIRECT)
    prompts = parts.controls.prompts
    wire_prompts(parts.controls.system, prompts, Prompts(handlers.room), DIRECT)
    parts.mode.change(
        lambda mode: (gr.update(visible=mode != "user"),) * 2,
        [parts.mode],
        [panel.group, prompts.group],
        **DIRECT,
    ).then(presets.look, [panel.pick], [panel.pick, panel.told], **DIRECT)
    parts.mode.input(None, [parts.mode], None, js=KEEP_MODE)
    page.load(None, None, [parts.mode], js=LAST_MODE)


def _view(parts: Parts) -> list[Any]:
    return [parts.chatbot, parts.box, parts.address, parts.notice, parts.tray]


def _looked(parts: Parts) -> dict[str, Any]:
    controls = parts.controls
    outputs = [parts.state, parts.column, parts.status, controls.model, controls.facts, parts.timer]
    return {"inputs": [parts.session, controls.model], "outputs": outputs, **DIRECT}


def _wire_chat(page: gr.Blocks, parts: Parts, handlers: Handlers) -> list[Any]:
    """The events that draw the chat; returns those after which more has changed than that."""
    view, who, chosen = _view(parts), [parts.session, parts.address], parts.controls.chosen
    whole = [*view, *parts.controls.settings]
    parts.box.stop(handlers.stop, [parts.session], None, **DIRECT)
    parts.chatbot.clear(handlers.new_chat, [parts.session], view, **DIRECT)
    parts.versions.click(handlers.choose, [parts.session], view, **DIRECT)
    parts.address.change(None, [parts.address], None, js=NAME_ADDRESS)
    own = (page, parts.box, parts.chatbot)
    toured = wire_tour(own, parts.tour, parts.tour_button, handlers, [*who, chosen], view)
    return [
        parts.box.submit(handlers.send, [*who, parts.box, chosen], view, **ASKS),
        parts.chatbot.example_select(handlers.example, [*who, chosen], view, **ASKS),
        parts.chatbot.retry(handlers.again, [*who, chosen], view, **ASKS),
        parts.chatbot.edit(handlers.edited, [*who, chosen], view, **ASKS),
        parts.shelf.select(handlers.opened, [parts.session], whole, **STREAMS),
        toured,
        page.load(handlers.enter, [*who, parts.offset], whole, js=ENTER, **STREAMS),
    ]
