"""The page: its parts, their places and which event calls which handler.

Owns the Blocks layout. Every event is private: the page offers no API by accident. Only the chat
itself goes through Gradio's queue, because only it streams.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import gradio as gr

from gradio_ui.controls import Controls, make_controls
from gradio_ui.handlers import AWAY_LOOK_S, Handlers, Session
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
# On a phone the settings would cover the chat, so they start folded; a wide window opens them.
UNFOLD_SETTINGS = """() => {
  if (innerWidth >= 1100) document.querySelector("#settings:not(.open) .toggle-button")?.click();
}"""
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
    with gr.Sidebar(label="Model and settings", open=False, position="left", elem_id="settings"):
        controls = make_controls()
    with gr.Row(elem_id="head"):
        gr.HTML(_brand(), elem_id="brand", padding=False, scale=1, min_width=120)
        status = gr.HTML("", elem_id="status", padding=False, scale=1, min_width=80)
        new_chat = gr.Button("New chat", size="sm", scale=0, elem_id="new-chat")
    state = gr.HTML("", visible=False, elem_id="state", padding=False)
    with gr.Column(scale=1, elem_id="chat-column") as column:
        chatbot = _chatbot()
        box = gr.Textbox(
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
        gr.HTML(HINT, elem_id="hint", padding=False)
    return Parts(status, new_chat, state, column, chatbot, box, timer, session, controls)


def _chatbot() -> gr.Chatbot:
    return gr.Chatbot(
        show_label=False,
        label="Conversation",
        placeholder=WELCOME,
        examples=[{"text": text, "display_text": text} for text in SUGGESTIONS],
        buttons=["copy"],
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


def _wire(page: gr.Blocks, parts: Parts, handlers: Handlers) -> None:
    settings = parts.controls.values
    view = [parts.chatbot, parts.box]
    private: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}
    # The line of `Handlers` decides who is served; Gradio's own would hide the question meanwhile.
    streams = private | {"concurrency_limit": None}
    direct = private | {"queue": False}
    looked = {
        "inputs": [parts.session, parts.controls.model],
        "outputs": [
            parts.state,
            parts.column,
            parts.status,
            parts.controls.model,
            parts.controls.facts,
            parts.timer,
        ],
        **direct,
    }
    asked = [
        parts.box.submit(handlers.send, [parts.session, parts.box, *settings], view, **streams),
        parts.chatbot.example_select(handlers.example, [parts.session, *settings], view, **streams),
        parts.chatbot.retry(handlers.again, [parts.session, *settings], view, **streams),
    ]
    for answer in asked:
        answer.then(handlers.look_now, **looked)
    parts.box.stop(handlers.stop, [parts.session], None, **direct)
    parts.new_chat.click(handlers.new_chat, [parts.session], view, **direct)
    parts.controls.model.input(
        handlers.facts, [parts.controls.model], [parts.controls.facts], **direct
    )
    parts.chatbot.clear(handlers.new_chat, [parts.session], view, **direct)
    parts.controls.refresh.click(handlers.look_now, **looked)
    parts.timer.tick(handlers.look, **looked)
    page.load(handlers.look, **looked)
    page.load(None, js=UNFOLD_SETTINGS)


def _brand() -> str:
    return f'<div class="lectern">{ICON.read_text()}<h1>Lectern</h1></div>'
