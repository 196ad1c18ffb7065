"""What can be done from the keyboard, and the help that lists it.

Owns: the keys, the help on `?`, and the button behind the key for the model. The keys of a button
that is seen stand on that button.
"""

from __future__ import annotations

import streamlit as st

from streamlit_ui.chat_files import close_files

STOP, NEW_CHAT, MODEL, AGAIN = "Esc", "Alt+N", "Alt+M", "Alt+A"

KEYS = {
    "Enter": "Send the question",
    "Shift + Enter": "Begin a new line",
    STOP: "Stop the answer",
    AGAIN.replace("+", " + "): "Answer the last question again",
    NEW_CHAT.replace("+", " + "): "Begin a new chat",
    MODEL.replace("+", " + "): "Choose the model: Tab to it, Enter",
    "?": "Show this list, while no text is being typed",
}


@st.dialog("Keys")
def _help() -> None:
    rows = "\n".join(f"| **{key}** | {what} |" for key, what in KEYS.items())
    st.markdown(f"| Key | What it does |\n|---|---|\n{rows}")
    st.caption("On a Mac, Alt is the key ⌥ Option.")


def help_button() -> None:
    """Draws the button; the help stands over the page until it is closed."""
    if st.button(
        "Keys",
        icon=":material/keyboard:",
        key="help",
        type="tertiary",
        help="Press ?",
        on_click=close_files,  # Streamlit shows one dialog at a time.
    ):
        _help()


def model_key() -> None:
    """The key that opens the model picker; its button is not seen."""
    st.button(
        "Choose the model",
        key="open_picker",
        shortcut=MODEL,
        on_click=lambda: st.session_state.update(picker=True),
    )
