"""The playground: its widgets, their places and their events.

Owns the layout. What happens is `playground_handlers`'.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import gradio as gr

from chat_client import SAMPLING_FIELDS
from gradio_ui.chat_widgets import LATEX, MAX_QUESTION_CHARS
from gradio_ui.controls import setting_widget
from gradio_ui.events import DIRECT, STREAMS
from gradio_ui.navigation import Navigation
from gradio_ui.page_scripts import (
    CARDS,
    KEEP_ROUND,
    KEEP_RULES,
    LAST_ROUND,
    LAST_RULES,
    SHOW_ANSWERS,
)
from gradio_ui.playground_handlers import PlaygroundHandlers
from gradio_ui.playground_rules import MOST

AT_ONCE = [field for field in SAMPLING_FIELDS if field.name in ("temperature", "seed")]
FURTHER = [field for field in SAMPLING_FIELDS if field not in AT_ONCE]


@dataclass(frozen=True)
class Pane:
    """Where one answer is drawn."""

    column: gr.Column
    head: gr.HTML
    text: gr.Markdown
    marked: gr.HTML


@dataclass(frozen=True)
class Contestant:
    """Who is asked, and how."""

    column: gr.Column
    model: gr.Dropdown
    settings: tuple[gr.components.Component, ...]

    @property
    def values(self) -> list[gr.components.Component]:
        return [self.model, *self.settings]


@dataclass(frozen=True)
class PlaygroundPage:
    """The page's widgets."""

    column: gr.Column
    demos: gr.HTML
    count: gr.Radio
    blind: gr.Checkbox
    mark: gr.Checkbox
    contestants: tuple[Contestant, ...]
    prompt: gr.Textbox
    status: gr.HTML
    panes: tuple[Pane, ...]
    ballot: gr.HTML
    round: gr.Textbox
    kept: gr.Textbox  # the rules as the browser remembers them
    board: gr.HTML

    @property
    def rules(self) -> list[gr.components.Component]:
        """What decides who is asked, and how it is shown."""
        who = [widget for each in self.contestants for widget in each.values]
        return [self.count, self.blind, self.mark, *who]

    @property
    def picture(self) -> list[Any]:
        """What a round changes."""
        parts = ("column", "head", "text", "marked")
        panes = [getattr(pane, part) for part in parts for pane in self.panes]
        return [self.status, self.prompt, *panes, self.ballot, self.round]


def make_playground_page() -> PlaygroundPage:
    """Builds the page inside the layout block that is open right now."""
    with gr.Column(visible=False, elem_id="playground", elem_classes="place") as column:
        demos = _html("demos")
        with gr.Row(elem_id="rules"):
            count = gr.Radio([2, 3, 4], value=2, label="How many", min_width=140, scale=0)
            blind = gr.Checkbox(label="Hide the names until the vote", min_width=200)
            mark = gr.Checkbox(label="Mark where the answers part", min_width=200)
        with gr.Row(elem_id="contestants", equal_height=False):
            contestants = tuple(_contestant(number) for number in range(MOST))
        prompt = gr.Textbox(
            placeholder="Ask all of them the same",
            label="Prompt",
            show_label=False,
            lines=1,
            max_lines=8,
            max_length=MAX_QUESTION_CHARS,
            submit_btn="Ask all",
            elem_id="prompt",
        )
        status = gr.HTML("", visible=False, elem_id="round-notice", padding=False)
        with gr.Row(elem_id="panes", equal_height=True):
            panes = tuple(_pane() for _ in range(MOST))
        ballot, board = _html("ballot"), _html("leaderboard")
        round_ = gr.Textbox("", visible="hidden", label="Round")
        kept = gr.Textbox("", visible="hidden", label="Rules")
    return PlaygroundPage(
        column,
        demos,
        count,
        blind,
        mark,
        contestants,
        prompt,
        status,
        panes,
        ballot,
        round_,
        kept,
        board,
    )


def _html(name: str) -> gr.HTML:
    return gr.HTML("", elem_id=name, padding=False, apply_default_css=False, js_on_load=CARDS)


def _contestant(number: int) -> Contestant:
    name = number + 1  # not a letter: those are the names that hide who answers
    with gr.Column(visible=number < 2, min_width=220, elem_classes="contestant") as column:
        model = gr.Dropdown(label=f"Model {name}", choices=[], elem_id=f"model-{name}")
        widgets = {field.name: setting_widget(field, f" {name}") for field in AT_ONCE}
        with gr.Accordion(f"More settings {name}", open=False):
            widgets |= {field.name: setting_widget(field, f" {name}") for field in FURTHER}
    return Contestant(column, model, tuple(widgets[field.name] for field in SAMPLING_FIELDS))


def _pane() -> Pane:
    with gr.Column(visible=False, min_width=240, elem_classes="pane") as column:
        return Pane(
            column,
            gr.HTML("", padding=False),
            gr.Markdown(
                "",
                latex_delimiters=LATEX,
                sanitize_html=True,
                elem_classes="answer",
            ),
            gr.HTML("", visible=False, padding=False),
        )


def wire_playground_page(
    page: PlaygroundPage,
    navigation: Navigation,
    session: gr.State,
    chosen: gr.Textbox,
    handlers: PlaygroundHandlers,
) -> None:
    """`chosen`: the chat's settings, whose system prompt everybody is told."""
    looked = [session, page.kept, *page.rules]
    shown = [page.demos, *page.rules]
    navigation.place.change(handlers.look, looked, shown, js=LAST_RULES, **DIRECT)
    changes = [widget.input for widget in page.rules]  # type: ignore[attr-defined]
    gr.on(changes, None, page.rules, None, js=KEEP_RULES, **DIRECT)
    navigation.place.change(handlers.board, [session], [page.board], **DIRECT)
    inputs = [session, page.prompt, *page.rules, chosen]
    asked = {"inputs": inputs, "outputs": page.picture, **STREAMS}
    page.prompt.submit(handlers.ask, **asked)
    # A reload begins a new session, which finds the tab's round again.
    back = {"inputs": [session, page.round], "outputs": page.picture, **STREAMS}
    navigation.place.change(handlers.back, js=LAST_ROUND, **back)
    page.round.change(None, [page.round], None, js=KEEP_ROUND)
    page.round.change(None, page.rules, None, js=KEEP_RULES)  # a demo has set them
    page.prompt.submit(None, js=SHOW_ANSWERS)
    page.demos.click(None, js=SHOW_ANSWERS)
    page.demos.click(handlers.demo, [session], [*page.rules, *page.picture], **STREAMS)
    page.ballot.click(handlers.vote, [session, page.mark], [*page.picture, page.board], **DIRECT)
    page.mark.input(handlers.drawn, [session, page.mark], page.picture, **DIRECT)
    page.count.change(
        lambda count: [gr.update(visible=number < int(count)) for number in range(MOST)],
        [page.count],
        [each.column for each in page.contestants],
        **DIRECT,
    )
