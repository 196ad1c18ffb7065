"""The places of the page: the chat, the playground, the server; one address each.

Owns the links between them. The browser alone switches (`navigation.js`): an answer goes on
meanwhile, the Back key works, and `?place=server` can be bookmarked. A place is built in the
browser when it is first shown.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import gradio as gr

from gradio_ui.events import DIRECT
from gradio_ui.page_scripts import NAVIGATION, PLACE
from gradio_ui.session import Session

CHAT = "chat"
PLAYGROUND = "playground"
SERVER = "server"
PLACES = {CHAT: "Chat", PLAYGROUND: "Playground", SERVER: "Server"}


@dataclass(frozen=True)
class Navigation:
    """The links, and the name of the place that is shown: `place.change` tells of each switch."""

    links: gr.HTML
    place: gr.Textbox


def make_navigation() -> Navigation:
    """Builds the links inside the layout block that is open right now."""
    links = "".join(
        f'<a href="{"./" if name == CHAT else f"?place={name}"}" data-page="{name}">{title}</a>'
        for name, title in PLACES.items()
    )
    nav = f'<nav class="places" aria-label="Pages">{links}</nav>'
    return Navigation(
        gr.HTML(nav, elem_id="places", padding=False, scale=0, js_on_load=NAVIGATION),
        gr.Textbox(CHAT, visible="hidden", label="Page"),
    )


def wire_navigation(
    page: gr.Blocks,
    navigation: Navigation,
    session: gr.State,
    columns: Mapping[str, gr.Column],
) -> None:
    """Makes a click, the Back key and a fresh page show a place; the chat is always built."""

    def turn_to(session: Session, name: str) -> tuple[Any, ...]:
        session.place = name if name in PLACES else CHAT
        built = (
            gr.update(visible=True) if name == session.place else gr.skip() for name in columns
        )
        return session.place, *built

    def clicked(session: Session, event: gr.EventData) -> tuple[Any, ...]:
        return turn_to(session, str(event._data.get("page")))

    shown = [navigation.place, *columns.values()]
    navigation.links.click(clicked, [session], shown, **DIRECT)
    page.load(turn_to, [session, navigation.place], shown, js=PLACE, **DIRECT)
