"""The presets that the gateway keeps, read at most every few seconds by all panels together.

Owns that list and telling why a change to it failed. What a preset is for is each panel's.
"""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from chat_client import ChatError, Preset, RoomAway, blocking
from streamlit_ui.resources import room
from streamlit_ui.room_change import room_changed

FRESH_S = 10.0


@st.cache_data(ttl=FRESH_S, show_spinner=False)
def kept_presets() -> tuple[Preset, ...]:
    return blocking(room().presets())


def why_not_kept(error: ChatError) -> str:
    """A sentence; where the list of chats tells the same, only that it does."""
    return "The list of chats says why." if isinstance(error, RoomAway) else str(error)


def change(call: Callable[[], object]) -> bool:
    """Calls and forgets the list; False when it failed, which the page then says."""
    return room_changed(call, kept_presets.clear)
