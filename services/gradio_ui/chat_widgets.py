"""The chat's own widgets: the list of chats, the conversation, the box for the question.

Owns what they look like and their words. It listens to nothing: `page` wires it.
"""

from __future__ import annotations

import gradio as gr

from gradio_ui.page_scripts import SHELF
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
HINT = (
    "Enter sends, Shift + Enter starts a new line. A model can be wrong: check what matters. "
    '<button type="button" data-help>Keyboard help: ?</button>'
)
LATEX: list[dict[str, str | bool]] = [
    {"left": "$$", "right": "$$", "display": True},
    {"left": "\\[", "right": "\\]", "display": True},
    {"left": "\\(", "right": "\\)", "display": False},
]
MAX_QUESTION_CHARS = 100_000


def make_chats_panel() -> tuple[gr.Button, gr.Textbox, gr.HTML]:
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


def make_box() -> gr.Textbox:
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


def make_chatbot() -> gr.Chatbot:
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
        group_consecutive_messages=False,
        autoscroll=False,  # it pulls down whoever scrolls up meanwhile; the page's script does not
        height=None,
        min_height=240,
        scale=1,
        elem_id="conversation",
    )


def brand() -> str:
    return f'<div class="lectern">{ICON.read_text()}<h1>Lectern</h1></div>'
