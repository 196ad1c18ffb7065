"""Chats as files: one or all of them out, and those of Lectern, ChatGPT or Open WebUI in.

Owns: the two dialogs, and which of them is open. What such a file holds is the gateway's.
"""

from __future__ import annotations

from typing import Literal

import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from chat_client import ChatError, ImportReport, RoomFile, Summary, blocking
from streamlit_ui.prose import for_page
from streamlit_ui.resources import history, room
from streamlit_ui.session import open_chat

LARGEST_MB = 64  # as much as the gateway takes
FORMATS: dict[Literal["markdown", "json"], str] = {
    "markdown": "Markdown, to read",
    "json": "JSON, to import again",
}
OPEN, TOLD, NUMBER = "files_open", "import_told", "import_number"


def files_buttons() -> None:
    """Draws the two buttons for all chats."""
    with st.container(horizontal=True, key="files-row"):
        st.button(
            "Import",
            key="files_import",
            icon=":material/upload:",
            type="tertiary",
            on_click=open_files,
            args=("import",),
        )
        st.button(
            "Export all",
            key="files_export",
            icon=":material/download:",
            type="tertiary",
            on_click=open_files,
            args=("all",),
        )


def open_files(what: Summary | Literal["all", "import"]) -> None:
    """Lets the dialog stand over the page: a chat, all of them, or an import."""
    st.session_state[OPEN] = what
    st.session_state.pop(TOLD, None)


def close_files() -> None:
    st.session_state.pop(OPEN, None)


def files_dialog() -> None:
    """Draws the dialog that is open, if any."""
    what: Summary | str | None = st.session_state.get(OPEN)
    if isinstance(what, Summary):
        title = f"Export “{for_page(what.title) or 'Untitled'}”"
        st.dialog(title, on_dismiss=close_files)(_export)(what)
    elif what == "all":
        st.dialog("Export all chats", on_dismiss=close_files)(_export)(None)
    elif what == "import":
        st.dialog("Import chats", on_dismiss=close_files)(_import)()


def _export(summary: Summary | None) -> None:
    kind = st.radio("As", list(FORMATS), format_func=FORMATS.__getitem__, key="export_as")
    try:
        with st.spinner("Fetching it from the gateway…", show_time=True):
            file: RoomFile = blocking(
                room().export(summary.id, kind) if summary else room().export_all(kind)
            )
    except ChatError as error:
        st.error(for_page(str(error)), icon=":material/error:")
        return
    st.download_button(
        "Save the file",
        file.data,
        file.name,
        file.media_type,
        key="save_export",
        icon=":material/download:",
        type="primary",
        on_click="ignore",
    )
    st.caption(f"{file.name} · {_size(len(file.data))}")


def _size(count: int) -> str:
    return f"{count / 1e6:,.1f} MB" if count >= 1e6 else f"{max(1, round(count / 1e3)):,} KB"


def _import() -> None:
    number = st.session_state.setdefault(NUMBER, 0)
    file = st.file_uploader(
        "A JSON file that Lectern, ChatGPT (conversations.json) or Open WebUI has exported",
        ["json"],
        key=f"import-{number}",
        max_upload_size=LARGEST_MB,
    )
    if file is not None:
        _load(file)
        st.session_state[NUMBER] = number + 1  # an empty uploader for the next one
        history().forget()
        st.rerun()
    told: ImportReport | ChatError | None = st.session_state.get(TOLD)
    if isinstance(told, ChatError):
        st.error(for_page(str(told)), icon=":material/error:")
    elif told is not None:
        st.success(for_page(told.line), icon=":material/check_circle:")
        if told.ids:
            word = "Open it" if len(told.ids) == 1 else "Open the first one"
            if st.button(word, key="open_imported"):
                close_files()
                open_chat(told.ids[0])
                st.rerun()


def _load(file: UploadedFile) -> None:
    try:
        with st.spinner("The gateway reads the file…", show_time=True):
            st.session_state[TOLD] = blocking(room().load(file.getvalue()))
    except ChatError as error:
        st.session_state[TOLD] = error
