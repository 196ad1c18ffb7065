"""Presets: settings under a name, kept in the gateway and so the same in both web UIs.

Owns: choosing, saving, sharing, deleting, and files of them. What the settings mean is
`settings_panel`'s.
"""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from chat_client import ChatError, Preset, RoomFile, blocking, is_prompt
from streamlit_ui.choice import Choice
from streamlit_ui.kept_presets import change, kept_presets, why_not_kept
from streamlit_ui.prose import for_page
from streamlit_ui.resources import room
from streamlit_ui.settings_panel import load_settings

FETCHED = "presets_file"


def presets_panel(choice: Choice) -> None:
    """Draws the panel; call it where the settings stand."""
    with st.expander("Presets", icon=":material/bookmarks:"):
        try:
            presets = tuple(each for each in kept_presets() if not is_prompt(each))
        except ChatError as error:
            st.caption(f":orange[●] No presets now. {for_page(why_not_kept(error))}")
            return
        _pick(presets)
        _save(choice)
        _files(presets)


def _pick(presets: tuple[Preset, ...]) -> None:
    by_id = {preset.id: preset for preset in presets}

    def use() -> None:
        preset = by_id.get(st.session_state["preset"])
        if preset is not None:
            load_settings(preset.settings, str(preset.settings.get("system_prompt") or ""))

    chosen = st.selectbox(
        "Use a preset",
        list(by_id),
        None,
        key="preset",
        format_func=lambda id_: _label(by_id[id_]) if id_ in by_id else "",
        placeholder="choose one" if by_id else "none kept yet",
        on_change=use,
        disabled=not by_id,
    )
    if chosen in by_id and by_id[chosen].mine:
        st.button("Delete this preset", key="delete_preset", on_click=_delete, args=(chosen,))


def _label(preset: Preset) -> str:
    return preset.name if preset.mine else f"{preset.name} (from {preset.owner})"


def _save(choice: Choice) -> None:
    def save() -> None:
        name = st.session_state["preset_name"].strip()
        if not name:
            st.toast("Give the preset a name first.")
            return
        settings = choice.sampling.settings()
        settings |= {"system_prompt": choice.system_prompt} if choice.system_prompt else {}
        settings |= {"model": choice.model} if choice.model else {}
        shared = bool(st.session_state["preset_shared"])
        if _change(lambda: blocking(room().create_preset(name, settings, shared=shared))):
            st.session_state["preset_name"] = ""

    st.text_input("Save these settings as", key="preset_name", max_chars=100)
    st.checkbox("Others may use it", key="preset_shared")
    st.button("Save", key="save_preset", on_click=save)


def _files(presets: tuple[Preset, ...]) -> None:
    file: RoomFile | None = st.session_state.get(FETCHED)
    if file is not None:
        st.download_button(
            "Save the file",
            file.data,
            file.name,
            file.media_type,
            key="save_presets",
            icon=":material/download:",
            type="primary",
            on_click=lambda: st.session_state.pop(FETCHED),
        )
    elif any(preset.mine for preset in presets):
        st.button("Export as JSON", key="export_presets", on_click=_fetch)
    taken = st.file_uploader("Import", ["json"], key="preset_file", max_upload_size=1)
    if taken is not None:
        st.button("Take these presets in", key="load_presets", on_click=_load, args=(taken,))


def _fetch() -> None:
    """Streamlit tells nobody why a download that is fetched at its click has failed."""

    def fetch() -> None:
        st.session_state[FETCHED] = blocking(room().export_presets())

    change(fetch)


def _load(file: st.runtime.uploaded_file_manager.UploadedFile) -> None:
    data = file.getvalue()
    if _change(lambda: blocking(room().load_presets(data))):
        st.toast("The presets are here.")


def _delete(id_: str) -> None:
    st.session_state["preset"] = None
    _change(lambda: blocking(room().delete_preset(id_)))


def _change(call: Callable[[], object]) -> bool:
    """What was fetched to be saved is no longer so then."""
    st.session_state.pop(FETCHED, None)
    return change(call)
