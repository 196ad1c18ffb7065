"""The page's widgets and their places.

Owns the Blocks layout and the names that `page` wires its events by.
"""

from __future__ import annotations

from dataclasses import dataclass

import gradio as gr

from gradio_ui.chat_widgets import HINT, brand, make_box, make_chatbot, make_chats_panel
from gradio_ui.controls import MODES, Controls, make_controls
from gradio_ui.navigation import Navigation, make_navigation
from gradio_ui.outlook_view import AWAY_LOOK_S
from gradio_ui.page_scripts import TRAY, VERSIONS
from gradio_ui.playground_page import PlaygroundPage, make_playground_page
from gradio_ui.presets import PresetPanel, make_preset_panel
from gradio_ui.server_page import ServerPage, make_server_page
from gradio_ui.session import Session
from gradio_ui.tour import Tour, make_tour, make_tour_button


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


def lay_out() -> Parts:
    """Puts everything into the Blocks that are open."""
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
    navigation, tour_button, status = _head()
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
        *(status, new_chat, state, column, chatbot, box, timer, session),
        *(controls, address, notice, tray, offset, export, versions, words),
        *(shelf, mode, panel, navigation, playground, server, tour, tour_button),
    )


def _head() -> tuple[Navigation, gr.Button, gr.HTML]:
    with gr.Row(elem_id="head"):
        gr.HTML(brand(), elem_id="brand", padding=False, scale=1, min_width=120)
        return (
            make_navigation(),
            make_tour_button(),
            gr.HTML("", elem_id="status", padding=False, scale=1, min_width=80),
        )
