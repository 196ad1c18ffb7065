"""How the list of kept chats looks: HTML in which everything foreign is escaped.

Owns its words and marks. `shelf_script` makes a button's `data-do` an event.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from chat_client import ChatError, DayGroup, Hits, Summary
from gradio_ui.notice import with_code

EMPTY = "Chats that you begin are kept here."
FILES = (
    '<p class="files"><button type="button" data-file="import" title="A file of Lectern, ChatGPT '
    'or Open WebUI">Import chats</button><button type="button" data-file="export">Export all'
    "</button></p>"
)
NOT_FOUND = "No chat holds these words."


def shelf_list(
    groups: Sequence[DayGroup],
    current: str,
    deleted: Summary | None,
    more: bool,
    told: str = "",
) -> str:
    """The whole list; `current`: the chat that the page shows, `deleted`: what can be undone.

    `told`: what came of the last import or export.
    """
    parts = [_undo(deleted)] if deleted else []
    if told:
        parts.append(f'<p class="told" role="status">{escape(told)}</p>')
    if not groups:
        parts.append(f"<p class='empty'>{EMPTY}</p>")
    for group in groups:
        rows = "".join(_row(each, current) for each in group.conversations)
        parts.append(f"<h2>{escape(group.name)}</h2><ul>{rows}</ul>")
    if more:
        parts.append('<button type="button" class="older" data-do="older">Show older</button>')
    parts.append(FILES)
    return f'<nav class="shelf" aria-label="Chats">{"".join(parts)}</nav>'


def found_list(hits: Hits, current: str) -> str:
    """The chats that a search has found, each with the place."""
    if not hits.hits:
        return f'<nav class="shelf" aria-label="Chats"><p class="empty">{NOT_FOUND}</p></nav>'
    rows = "".join(
        _row(
            hit.conversation,
            current,
            "".join(
                f"<mark>{escape(text)}</mark>" if marked else escape(text)
                for text, marked in hit.pieces
            ),
        )
        for hit in hits.hits
    )
    note = '<p class="empty">There are more; add a word.</p>' if hits.more else ""
    return f'<nav class="shelf" aria-label="Chats"><h2>Found</h2><ul>{rows}</ul>{note}</nav>'


def unreadable_list(error: ChatError) -> str:
    """What stands there while the gateway cannot be asked."""
    return (
        '<nav class="shelf" aria-label="Chats"><p class="empty" role="status">'
        f"<b>{escape(error.message)}</b> {with_code(error.advice)}</p></nav>"
    )


def _row(conversation: Summary, current: str, snippet: str = "") -> str:
    id_, title = escape(conversation.id), escape(conversation.title or "New chat")
    here = ' aria-current="page"' if conversation.id == current else ""
    place = f"<small>{snippet}</small>" if snippet else ""
    pin = "unpin" if conversation.pinned else "pin"
    return (
        f'<li><button type="button" class="chat" data-do="open" data-id="{id_}"{here}>'
        f"<span>{title}</span>{place}</button>"
        f'<details><summary aria-label="More for {title}" title="More">⋯</summary>'
        f'<div class="more" role="group" aria-label="{title}">'
        f'<button type="button" data-do="naming" data-id="{id_}">Rename</button>'
        f'<button type="button" data-do="{pin}" data-id="{id_}">{pin.capitalize()}</button>'
        f'<button type="button" data-file="export" data-format="markdown" data-id="{id_}">'
        "Save as text</button>"
        f'<button type="button" data-file="export" data-id="{id_}">Save as JSON</button>'
        f'<button type="button" data-do="delete" data-id="{id_}">Delete</button>'
        "</div></details></li>"
    )


def _undo(deleted: Summary) -> str:
    title = escape(deleted.title or "New chat")
    return (
        f'<p class="undo" role="status"><span>Deleted: {title}</span>'
        '<button type="button" data-do="restore">Undo</button></p>'
    )
