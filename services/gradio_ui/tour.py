"""The guided first visit above the chat: five steps whose buttons ask the live model.

Owns its widgets and when they are seen. The browser alone opens it (on a first visit, or by the
button in the header), turns its steps and folds it away, so it costs a question nothing. The words
are `tour_steps`'; a question goes the way of every other, through `Handlers`.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

import gradio as gr

from gradio_ui.events import ASKS
from gradio_ui.handlers import Handlers
from gradio_ui.page_scripts import (
    TOUR,
    TOUR_BACK,
    TOUR_FIRST,
    TOUR_FOLD,
    TOUR_NEXT,
    TOUR_OPEN,
    TOUR_OWN_CHAT,
    TOUR_OWN_QUESTION,
)
from gradio_ui.session import Session
from gradio_ui.tour_steps import STEPS, TourQuestion
from gradio_ui.view import Picture


@dataclass(frozen=True)
class Tour:
    """`asks`: what each of its buttons asks, by the button's id in the page."""

    column: gr.Column
    steps: gr.Walkthrough
    buttons: tuple[gr.Button, ...]
    asks: dict[int, TourQuestion]
    back: gr.Button
    onward: gr.Button
    start: gr.Button
    skip: gr.Button


def make_tour_button() -> gr.Button:
    return gr.Button("Tour", size="sm", scale=0, min_width=0, elem_id="tour-open")


def make_tour() -> Tour:
    """Builds the tour, unseen, inside the layout block that is open right now."""
    asks: dict[gr.Button, TourQuestion] = {}
    with gr.Column(visible=False, elem_id="tour") as column:
        with gr.Walkthrough(selected=1, elem_id="tour-steps") as steps:
            for number, step in enumerate(STEPS, 1):
                with gr.Step(step.title, id=number, elem_id=f"tour-{number}"):
                    gr.HTML(
                        f"<p>{step.words}</p>",
                        padding=False,
                        apply_default_css=False,
                        elem_classes="tour-words",
                        js_on_load=TOUR if number == 1 else None,
                    )
                    with gr.Row(elem_classes="tour-asks"):
                        for question in step.questions:
                            asks[_button(question.label)] = question
        with gr.Row(elem_id="tour-way"):
            back = _button("Back", "tour-back")
            onward = _button("Next", "tour-next", "primary")
            start = _button("Start a chat of my own", "tour-start", "primary")
            skip = _button("Skip the tour", "tour-skip")
    by_id = {button._id: question for button, question in asks.items()}
    return Tour(column, steps, tuple(asks), by_id, back, onward, start, skip)


def _button(label: str, elem_id: str | None = None, variant: Any = "secondary") -> gr.Button:
    return gr.Button(label, variant=variant, size="sm", scale=0, min_width=0, elem_id=elem_id)


def wire_tour(
    chat: tuple[gr.Blocks, gr.Textbox, gr.Chatbot],
    tour: Tour,
    opener: gr.Button,
    handlers: Handlers,
    inputs: Sequence[Any],
    view: Sequence[Any],
) -> Any:
    """Makes the buttons work; returns the event that asks. `inputs`: session, address, settings."""
    page, box, chatbot = chat
    column, steps = [tour.column], [tour.steps]
    page.load(None, None, column, js=TOUR_FIRST)
    opener.click(None, None, [tour.column, tour.steps], js=TOUR_OPEN)
    tour.back.click(None, None, steps, js=TOUR_BACK)
    tour.onward.click(None, None, steps, js=TOUR_NEXT)
    tour.skip.click(None, None, column, js=TOUR_FOLD)
    tour.start.click(None, None, column, js=TOUR_OWN_CHAT)
    box.submit(None, [box], None, js=TOUR_OWN_QUESTION)
    chatbot.example_select(None, None, None, js=TOUR_OWN_QUESTION)

    async def ask(
        session: Session, address: str, chosen: str, event: gr.EventData
    ) -> AsyncGenerator[Picture, None]:
        question = tour.asks[event.target._id] if event.target else None
        if question is None:
            yield handlers.view.same()
            return
        async with aclosing(
            handlers.ask_alone(
                session, address, question.text, question.settings, question.told, chosen
            )
        ) as pictures:
            async for picture in pictures:
                yield picture

    return gr.on([button.click for button in tour.buttons], ask, inputs, view, **ASKS)
