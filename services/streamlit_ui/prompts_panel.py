"""The library of system prompts beside the box for one: use, keep, delete.

Owns the panel. What is in the library is `chat_client`'s; the box itself is `settings_panel`'s.
"""

from __future__ import annotations

import streamlit as st

from chat_client import ChatError, Preset, SystemPrompt, blocking, keep_prompt, prompt_library
from streamlit_ui.kept_presets import change, kept_presets, why_not_kept
from streamlit_ui.prose import for_page
from streamlit_ui.resources import room

BOX = "system_prompt"


def prompts_panel() -> None:
    """Draws the panel; call it below the box."""
    with st.popover("Prompt library", icon=":material/library_books:", key="prompts"):
        presets: tuple[Preset, ...] = ()
        away = ""
        try:
            presets = kept_presets()
        except ChatError as error:
            away = f"Only those that come along now. {why_not_kept(error)}"
        _pick({prompt.id: prompt for prompt in prompt_library(presets)})
        if away:
            st.caption(f":orange[●] {for_page(away)}")
        else:
            _keep()


def _pick(by_id: dict[str, SystemPrompt]) -> None:
    def use() -> None:
        prompt = by_id.get(st.session_state["prompt"])
        if prompt is not None:
            st.session_state[BOX] = prompt.text

    chosen = st.selectbox(
        "Use a prompt",
        list(by_id),
        None,
        key="prompt",
        format_func=lambda id_: by_id[id_].label if id_ in by_id else "",
        placeholder="choose one",
        on_change=use,
        help="It takes the place of what stands in the box.",
    )
    if chosen in by_id and by_id[chosen].mine:
        st.button("Delete this prompt", key="delete_prompt", on_click=_delete, args=(chosen,))


def _keep() -> None:
    def save() -> None:
        name, text = st.session_state["prompt_name"], st.session_state.get(BOX) or ""
        if change(lambda: blocking(keep_prompt(room(), name, text))):
            st.session_state["prompt_name"] = ""
            st.toast("The prompt is kept.")

    st.text_input("Keep the prompt in the box as", key="prompt_name", max_chars=100)
    st.button("Keep", key="keep_prompt", on_click=save)


def _delete(id_: str) -> None:
    st.session_state["prompt"] = None
    change(lambda: blocking(room().delete_preset(id_)))
