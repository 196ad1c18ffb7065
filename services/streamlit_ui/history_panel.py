"""The side panel's list of chats: by day, searched, renamed, pinned, deleted and brought back.

Owns: its widgets and the calls behind them. What is kept, and where, is the room's; chats as files
are `chat_files`'.
"""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from chat_client import ChatError, Hit, Summary, blocking, by_day
from streamlit_ui.chat_files import files_buttons, files_dialog, open_files
from streamlit_ui.conversation import Conversation
from streamlit_ui.history import Listing
from streamlit_ui.prose import for_page
from streamlit_ui.resources import history, room
from streamlit_ui.room_change import room_changed
from streamlit_ui.session import new_chat, open_chat

RENAME, PIN, UNPIN, EXPORT, DELETE = "Rename", "Pin", "Unpin", "Export", "Delete"


def history_panel(conversation: Conversation, max_age_s: float) -> None:
    """Draws the list; call it inside `st.sidebar`."""
    offset = -(st.context.timezone_offset or 0)
    listing = history().listing(st.session_state.get("history_pages", 1), offset, max_age_s)
    words = st.text_input(
        "Search chats",
        key="search",
        placeholder="Search chats",
        label_visibility="collapsed",
        icon=":material/search:",
        disabled=listing.problem is not None,
    )
    _undo()
    if listing.problem is not None:
        st.caption(f":orange[●] No history now. {for_page(str(listing.problem))}")
    elif words.strip():
        _found(words, conversation)
    else:
        _listed(listing, offset, conversation)
    files_dialog()


def _listed(listing: Listing, offset: int, conversation: Conversation) -> None:
    if not listing.conversations:
        st.caption("Your chats will stand here.")
    for group in by_day(listing.conversations, offset):
        st.caption(f"**{group.name}**")
        for summary in group.conversations:
            _row(summary, conversation)
    if listing.more:
        st.button("Older chats", key="older", type="tertiary", on_click=_older)
    files_buttons()


def _older() -> None:
    st.session_state["history_pages"] = st.session_state.get("history_pages", 1) + 1


def _row(summary: Summary, conversation: Conversation) -> None:
    if st.session_state.get("renaming") == summary.id:
        st.text_input(
            "New name",
            summary.title,
            key="new_name",
            max_chars=200,
            on_change=_rename,
            args=(summary,),
        )
        return
    shown = conversation.is_called(summary.id)
    with st.container(
        horizontal=True,
        key=f"chat-row-{'shown' if shown else 'other'}-{summary.id}",
        vertical_alignment="center",
        gap="xxsmall",
    ):
        st.button(
            for_page(summary.title) or "Untitled",
            key=f"open-{summary.id}",
            type="tertiary",
            width="stretch",
            on_click=open_chat,
            args=(summary.id,),
        )
        st.menu_button(
            ":material/more_horiz:",
            [RENAME, UNPIN if summary.pinned else PIN, EXPORT, DELETE],
            key=f"menu-{summary.id}",
            type="tertiary",
            help="Rename, pin, export or delete this chat",
            on_click=_chosen,
            args=(summary, shown),
        )


def _chosen(summary: Summary, shown: bool) -> None:
    action = st.session_state[f"menu-{summary.id}"]
    if action == RENAME:
        st.session_state["renaming"] = summary.id
    elif action in (PIN, UNPIN):
        _change(lambda: blocking(room().pin(summary.id, action == PIN)))
    elif action == EXPORT:
        open_files(summary)
    elif action == DELETE and _change(lambda: blocking(room().delete(summary.id))):
        st.session_state["deleted"] = summary
        if shown:
            new_chat()


def _rename(summary: Summary) -> None:
    name = st.session_state["new_name"].strip()
    st.session_state.pop("renaming", None)
    if name and name != summary.title:
        _change(lambda: blocking(room().rename(summary.id, name)))


def _undo() -> None:
    deleted: Summary | None = st.session_state.get("deleted")
    if deleted is None:
        return
    with st.container(horizontal=True, vertical_alignment="center", key="undo-row"):
        st.caption(f"Deleted “{for_page(deleted.title)}”.")
        st.button("Undo", key="undo", type="tertiary", on_click=_restore, args=(deleted,))


def _restore(deleted: Summary) -> None:
    if _change(lambda: blocking(room().restore(deleted.id))):
        del st.session_state["deleted"]
        open_chat(deleted.id)


def _change(call: Callable[[], object]) -> bool:
    """Does one thing in the room; a refusal is told, and False."""
    return room_changed(call, history().forget)


def _found(words: str, conversation: Conversation) -> None:
    try:
        hits = blocking(room().search(words))
    except ChatError as error:
        st.caption(for_page(str(error)))
        return
    if not hits.hits:
        st.caption("No chat holds these words.")
    for hit in hits.hits:
        _row(hit.conversation, conversation)
        st.caption(_snippet(hit))
    if hits.more:
        st.caption("There are more: add a word to narrow the search.")


def _snippet(hit: Hit) -> str:
    pieces = [
        f"**{for_page(text.strip())}**" if marked else for_page(text) for text, marked in hit.pieces
    ]
    return "".join(pieces).replace("\n", " ")
