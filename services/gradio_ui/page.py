"""The page: its parts, their places and which event calls which handler.

Owns the Blocks layout. Every event is private: the page offers no API by accident. Only the chat
itself goes through Gradio's queue, because only it streams.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import gradio as gr

from gradio_ui.controls import MODES, Controls, make_controls, shown_settings
from gradio_ui.handlers import Handlers
from gradio_ui.outlook_view import AWAY_LOOK_S, OutlookView
from gradio_ui.page_scripts import (
    ENTER,
    KEEP_MODE,
    LAST_MODE,
    NAME_ADDRESS,
    SHELF,
    UNFOLD,
    VERSIONS,
)
from gradio_ui.presets import PresetPanel, Presets, make_preset_panel, wire_presets
from gradio_ui.session import Session
from gradio_ui.shelf import Shelf
from gradio_ui.theme import ICON

SUGGESTIONS = (
    "What is a token?",
    "What does temperature do?",
    "What is quantization?",
    "Tell me a story about a fox.",
)
WELCOME = (
    "## Ask the model\n"
    "It runs on this machine or on one that you chose. Nothing you write goes anywhere else."
)
HINT = "Enter sends, Shift + Enter starts a new line. A model can be wrong: check what matters."
LATEX: list[dict[str, str | bool]] = [
    {"left": "$$", "right": "$$", "display": True},
    {"left": "\\[", "right": "\\]", "display": True},
    {"left": "\\(", "right": "\\)", "display": False},
]
SHELF_LOOK_S = 30.0
MAX_QUESTION_CHARS = 100_000
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
    offset: gr.Number
    versions: gr.HTML
    words: gr.Textbox
    shelf: gr.HTML
    mode: gr.Radio
    presets: PresetPanel


def make_page(handlers: Handlers) -> gr.Blocks:
    """The whole page over `handlers`."""
    page: gr.Blocks
    with gr.Blocks(title="Lectern", analytics_enabled=False, fill_height=True) as page:
        _wire(page, _lay_out(), handlers)
    page.max_threads = WAITING_ROOM
    page.queue(default_concurrency_limit=None, api_open=False)
    return page


def _lay_out() -> Parts:
    session = gr.State(Session())
    timer = gr.Timer(AWAY_LOOK_S)
    address = gr.Textbox("", visible="hidden", elem_id="address", label="Chat")
    offset = gr.Number(0, visible="hidden", label="Minutes from UTC")
    versions = gr.HTML(visible="hidden", js_on_load=VERSIONS)
    new_chat, words, shelf = _chats_panel()
    with gr.Sidebar(label="Settings", open=False, position="right", elem_id="settings"):
        mode = gr.Radio(
            MODES, value="user", label="Show", info="How much there is to set.", elem_id="mode"
        )
        panel = make_preset_panel()
        controls = make_controls()
    with gr.Row(elem_id="head"):
        gr.HTML(_brand(), elem_id="brand", padding=False, scale=1, min_width=120)
        status = gr.HTML("", elem_id="status", padding=False, scale=1, min_width=80)
    state = gr.HTML("", visible=False, elem_id="state", padding=False)
    with gr.Column(scale=1, elem_id="chat-column") as column:
        chatbot = _chatbot()
        notice = gr.HTML("", visible=False, elem_id="notice", padding=False)
        box = _box()
        gr.HTML(HINT, elem_id="hint", padding=False)
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
        offset,
        versions,
        words,
        shelf,
        mode,
        panel,
    )


def _chats_panel() -> tuple[gr.Button, gr.Textbox, gr.HTML]:
    with gr.Sidebar(label="Chats", open=False, position="left", width=280, elem_id="chats"):
        new_chat = gr.Button("New chat", size="sm", elem_id="new-chat")
        words = gr.Textbox(
            placeholder="Search chats",
            label="Search chats",
            show_label=False,
            max_length=200,
            elem_id="search",
        )
        shelf = gr.HTML("", elem_id="shelf", apply_default_css=False, js_on_load=SHELF)
    return new_chat, words, shelf


def _box() -> gr.Textbox:
    return gr.Textbox(
        placeholder="Ask something",
        show_label=False,
        label="Your question",
        lines=1,
        max_lines=10,
        max_length=MAX_QUESTION_CHARS,
        autofocus=True,
        submit_btn="Send",
        elem_id="question",
    )


def _chatbot() -> gr.Chatbot:
    return gr.Chatbot(
        show_label=False,
        label="Conversation",
        placeholder=WELCOME,
        examples=[{"text": text, "display_text": text} for text in SUGGESTIONS],
        buttons=["copy"],
        editable="user",
        layout="bubble",
        latex_delimiters=LATEX,
        allow_tags=False,
        sanitize_html=True,
        feedback_options=None,
        group_consecutive_messages=False,
        height=None,
        min_height=240,
        scale=1,
        elem_id="conversation",
    )


PRIVATE: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}
# The line of `Handlers` decides who is served; Gradio's own would hide the question meanwhile.
STREAMS = PRIVATE | {"concurrency_limit": None}
DIRECT = PRIVATE | {"queue": False}


def _wire(page: gr.Blocks, parts: Parts, handlers: Handlers) -> None:
    outlook, shelf = OutlookView(handlers.lookout), Shelf(handlers.room)
    looked = _looked(parts)
    listed = {"inputs": [parts.session, parts.words], "outputs": [parts.shelf], **DIRECT}
    for answer in _wire_chat(page, parts, handlers):
        answer.then(shelf.look, **listed).then(outlook.look_now, **looked)
    parts.new_chat.click(handlers.new_chat, [parts.session], _view(parts), **DIRECT).then(
        shelf.look, **listed
    )
    parts.words.input(shelf.look, trigger_mode="multiple", **listed)
    parts.shelf.click(shelf.act, **listed)
    gr.Timer(SHELF_LOOK_S).tick(shelf.tick, **listed)
    parts.controls.model.input(
        outlook.facts, [parts.controls.model], [parts.controls.facts], **DIRECT
    )
    parts.controls.refresh.click(outlook.look_now, **looked)
    parts.timer.tick(outlook.look, **looked)
    page.load(outlook.look, **looked)
    page.load(None, js=UNFOLD)
    _wire_settings(page, parts, handlers)


def _wire_settings(page: gr.Blocks, parts: Parts, handlers: Handlers) -> None:
    presets, panel = Presets(handlers.room), parts.presets
    wire_presets(parts.controls, panel, presets, DIRECT)
    parts.mode.change(shown_settings, [parts.mode], parts.controls.settings, **DIRECT)
    parts.mode.change(
        lambda mode: gr.update(visible=mode != "user"), [parts.mode], [panel.group], **DIRECT
    ).then(presets.look, [panel.pick], [panel.pick, panel.told], **DIRECT)
    parts.mode.input(None, [parts.mode], None, js=KEEP_MODE)
    page.load(None, None, [parts.mode], js=LAST_MODE)


def _view(parts: Parts) -> list[Any]:
    return [parts.chatbot, parts.box, parts.address, parts.notice]


def _looked(parts: Parts) -> dict[str, Any]:
    controls = parts.controls
    outputs = [parts.state, parts.column, parts.status, controls.model, controls.facts, parts.timer]
    return {"inputs": [parts.session, controls.model], "outputs": outputs, **DIRECT}


def _wire_chat(page: gr.Blocks, parts: Parts, handlers: Handlers) -> list[Any]:
    """The events that draw the chat; returns those after which more has changed than that."""
    view, who = _view(parts), [parts.session, parts.address]
    settings = parts.controls.values
    whole = [*view, *parts.controls.settings]
    parts.box.stop(handlers.stop, [parts.session], None, **DIRECT)
    parts.chatbot.clear(handlers.new_chat, [parts.session], view, **DIRECT)
    parts.versions.click(handlers.choose, [parts.session], view, **DIRECT)
    parts.address.change(None, [parts.address], None, js=NAME_ADDRESS)
    return [
        parts.box.submit(handlers.send, [*who, parts.box, *settings], view, **STREAMS),
        parts.chatbot.example_select(handlers.example, [*who, *settings], view, **STREAMS),
        parts.chatbot.retry(handlers.again, [*who, *settings], view, **STREAMS),
        parts.chatbot.edit(handlers.edited, [*who, *settings], view, **STREAMS),
        parts.shelf.select(handlers.opened, [parts.session], whole, **STREAMS),
        page.load(handlers.enter, [*who, parts.offset], whole, js=ENTER, **STREAMS),
    ]


def _brand() -> str:
    return f'<div class="lectern">{ICON.read_text()}<h1>Lectern</h1></div>'
