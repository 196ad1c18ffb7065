"""What goes along with the next question: pictures, texts and PDFs, with what they cost.

Owns: the place to drop files, reading each once, and the sentence for what cannot be sent.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import streamlit as st

from chat_client import (
    ATTACHMENT_TYPES,
    ChatError,
    Image,
    Model,
    TextFile,
    blocking,
    read_attachment,
    vision_problem,
)
from streamlit_ui.prose import for_page

LARGEST_MB = 20


@dataclass(frozen=True)
class Attached:
    """`problem` says why a question cannot go along with these; empty when it can."""

    images: tuple[Image, ...] = ()
    files: tuple[TextFile, ...] = ()
    problem: str = ""


def attachments_panel(model: Model | None) -> Attached:
    """Draws the panel; call it where it shall stand above the message box."""
    st.session_state.setdefault("attach_number", 0)
    with (
        st.popover("Attach", icon=":material/attach_file:", type="tertiary", key="attach"),
        st.container(key="attach-panel"),
    ):
        uploaded = st.file_uploader(
            "Pictures, texts, code or PDF files",
            [ending.removeprefix(".") for ending in ATTACHMENT_TYPES],
            accept_multiple_files=True,
            key=_key(),
            max_upload_size=LARGEST_MB,
        )
    attached = _attached(uploaded, model)
    _say(attached)
    return attached


def attached_now(model: Model | None) -> Attached:
    """What the panel holds, without drawing it: a question is sent before the page is drawn."""
    return _attached(st.session_state.get(_key()) or [], model)


def _key() -> str:
    return f"attached-{st.session_state.get('attach_number', 0)}"


def _attached(
    uploaded: Sequence[st.runtime.uploaded_file_manager.UploadedFile], model: Model | None
) -> Attached:
    read = [_read(each) for each in uploaded]
    images = tuple(each for each in read if isinstance(each, Image))
    files = tuple(each for each in read if isinstance(each, TextFile))
    problems = [str(each) for each in read if isinstance(each, ChatError)]
    unseen = vision_problem(model) if images else None
    return Attached(images, files, " ".join([*problems, *([unseen] if unseen else [])]))


def forget_attached() -> None:
    """Empties the panel, once its files are sent."""
    st.session_state["attach_number"] = st.session_state.get("attach_number", 0) + 1
    st.session_state.pop("attachments_read", None)


def _read(
    uploaded: st.runtime.uploaded_file_manager.UploadedFile,
) -> Image | TextFile | ChatError:
    known: dict[str, Image | TextFile | ChatError]
    known = st.session_state.setdefault("attachments_read", {})
    if uploaded.file_id not in known:
        try:
            known[uploaded.file_id] = blocking(read_attachment(uploaded.name, uploaded.getvalue()))
        except ChatError as error:
            known[uploaded.file_id] = error
    return known[uploaded.file_id]


def _say(attached: Attached) -> None:
    parts = [_line(each) for each in attached.images] + [_line(each) for each in attached.files]
    if parts:
        st.caption(for_page(" · ".join(parts)))
    if attached.problem:
        st.warning(for_page(attached.problem), icon=":material/block:")


def _line(each: Image | TextFile) -> str:
    note = f", {each.note}" if isinstance(each, TextFile) and each.note else ""
    return f"{each.name}: about {each.tokens:,} tokens{note}"
