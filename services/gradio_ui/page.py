"""The page: which event calls which handler.

Every event is private: the page offers no API but `endpoints`. Of the page only the chat itself
goes through Gradio's queue, because only it streams.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gradio as gr

from gradio_ui.controls import shown_settings, wire_controls
from gradio_ui.events import ASKS, DIRECT, STREAMS
from gradio_ui.handlers import Handlers
from gradio_ui.lean_blocks import LeanBlocks
from gradio_ui.navigation import PLAYGROUND, SERVER, wire_navigation
from gradio_ui.outlook_view import OutlookView
from gradio_ui.page_parts import Parts, lay_out
from gradio_ui.page_scripts import (
    CONVERSATION,
    ENTER,
    FETCH,
    KEEP_MODE,
    KEYS,
    LAST_MODE,
    NAME_ADDRESS,
    UNFOLD,
)
from gradio_ui.page_start import AT_REST
from gradio_ui.playground_handlers import PlaygroundHandlers
from gradio_ui.playground_page import (
    wire_playground_page,
)
from gradio_ui.presets import Presets, wire_presets
from gradio_ui.prompts import Prompts, wire_prompts
from gradio_ui.server_handlers import ServerHandlers
from gradio_ui.server_page import wire_server_page
from gradio_ui.shelf import Shelf
from gradio_ui.thumbs import Thumbs, wire_thumbs
from gradio_ui.tour import wire_tour
from gradio_ui.tray_handlers import TrayHandlers

SHELF_LOOK_S = 10.0
WAITING_ROOM = 200  # people in line at once before Gradio itself would make them wait unseen


def make_page(handlers: Handlers, offer: Callable[[], None] | None = None) -> gr.Blocks:
    """The whole page over `handlers`; `offer` adds what programs may call by name."""
    page: gr.Blocks
    with LeanBlocks(title="Lectern", analytics_enabled=False, fill_height=True) as page:
        if offer is not None:
            offer()  # first, since a handler of the page would take a name
        _wire(page, lay_out(), handlers)
    page.max_threads = WAITING_ROOM
    page.queue(default_concurrency_limit=None, api_open=False)
    return page


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
    page.load(None, js=AT_REST)
    page.load(None, js=UNFOLD)
    page.load(None, js=KEYS)
    page.load(None, js=CONVERSATION)
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
    parts.chatbot.clear(handlers.new_chat, [parts.session], view, **DIRECT)
    parts.versions.click(handlers.choose, [parts.session], view, **DIRECT)
    thumbs = Thumbs(handlers.view, handlers.keeper)
    wire_thumbs(parts.chatbot, parts.session, parts.notice, thumbs)
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
